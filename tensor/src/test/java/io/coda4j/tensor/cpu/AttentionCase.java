package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Buffer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * One attention of random operands, computed by the kernels under test and by nested loops in double precision.
 *
 * @param segments how many segments the sequences are cut into; 0 gives every query and key the same
 */
record AttentionCase(
        DType dtype,
        AttentionMask mask,
        int batch,
        int queries,
        int keys,
        int heads,
        int keyHeads,
        int size,
        int start,
        int segments) {
    static final double SCALE = 0.3;

    /** Results of the forward and backward kernels. */
    record Results(float[] out, float[] logSumExp, float[] dq, float[] dk, float[] dv) {}

    TensorType queryType() {
        return TensorType.of(dtype, batch, queries, heads, size);
    }

    TensorType keyType() {
        return TensorType.of(dtype, batch, keys, keyHeads, size);
    }

    private float[] q() {
        return MatmulCase.values(queryType(), 1);
    }

    private float[] k() {
        return MatmulCase.values(keyType(), 2);
    }

    private float[] v() {
        return MatmulCase.values(keyType(), 3);
    }

    private float[] g() {
        return MatmulCase.values(queryType(), 4);
    }

    /** Segments in ascending order; queries know one segment more than keys, which therefore sees nothing. */
    int[] segmentsOf(int length, int count, long seed) {
        int[] values = new int[batch * length];
        if (segments == 0) {
            Arrays.fill(values, 7);
            return values;
        }
        var random = new SplittableRandom(seed);
        for (int b = 0; b < batch; b++) {
            for (int i = 0; i < length; i++) {
                values[b * length + i] = random.nextInt(count);
            }
            Arrays.sort(values, b * length, (b + 1) * length);
        }
        return values;
    }

    int[] querySegments() {
        return segmentsOf(queries, segments + 1, 5);
    }

    int[] keySegments() {
        return segmentsOf(keys, segments, 6);
    }

    private List<TensorType> inputs() {
        return List.of(
                queryType(),
                keyType(),
                keyType(),
                TensorType.i32(batch, queries),
                TensorType.i32(batch, keys),
                TensorType.i32());
    }

    Results run(int threads) {
        var forward = new Primitive.Attention(SCALE, mask);
        var results = forward.infer(inputs());
        var backward = new Primitive.AttentionGrad(SCALE, mask);
        var gradIn = new java.util.ArrayList<>(inputs());
        gradIn.addAll(results);
        gradIn.add(queryType());
        try (var device = CpuDevice.reference();
                var parallel = new Parallel(threads)) {
            var kernels = CpuDevice.reference().kernels(parallel);
            Buffer[] in = {
                MatmulCase.upload(device, queryType(), q()),
                MatmulCase.upload(device, keyType(), k()),
                MatmulCase.upload(device, keyType(), v()),
                device.upload(TensorType.i32(batch, queries), MemorySegment.ofArray(querySegments())),
                device.upload(TensorType.i32(batch, keys), MemorySegment.ofArray(keySegments())),
                device.upload(TensorType.i32(), MemorySegment.ofArray(new int[] {start})),
                nans(device, queryType()),
                nans(device, results.get(1)),
                MatmulCase.upload(device, queryType(), g())
            };
            Buffer[] grads = {nans(device, queryType()), nans(device, keyType()), nans(device, keyType())};
            var run = kernels.kernel(forward, inputs(), results).orElseThrow();
            var grad = kernels.kernel(backward, gradIn, backward.infer(gradIn)).orElseThrow();
            for (int i = 0; i < 2; i++) {
                run.run(in, new Buffer[] {in[6], in[7]});
                grad.run(in, grads);
            }
            return new Results(
                    MatmulCase.download(queryType(), in[6]),
                    MatmulCase.download(results.get(1), in[7]),
                    MatmulCase.download(queryType(), grads[0]),
                    MatmulCase.download(keyType(), grads[1]),
                    MatmulCase.download(keyType(), grads[2]));
        }
    }

    private static Buffer nans(CpuDevice device, TensorType type) {
        float[] values = new float[(int) type.size()];
        Arrays.fill(values, Float.NaN);
        return MatmulCase.upload(device, type, values);
    }

    private int query(int b, int t, int h) {
        return ((b * queries + t) * heads + h) * size;
    }

    private int key(int b, int s, int h) {
        return ((b * keys + s) * keyHeads + h / (heads / keyHeads)) * size;
    }

    private double[] scores(float[] q, float[] k, int b, int t, int h, int[] querySegments, int[] keySegments) {
        double[] scores = new double[keys];
        for (int s = 0; s < keys; s++) {
            boolean visible = querySegments[b * queries + t] == keySegments[b * keys + s]
                    && (mask == AttentionMask.FULL || s <= start + t);
            double sum = 0;
            for (int d = 0; d < size; d++) {
                sum += (double) q[query(b, t, h) + d] * k[key(b, s, h) + d];
            }
            scores[s] = visible ? sum * SCALE : Double.NEGATIVE_INFINITY;
        }
        return scores;
    }

    /** The formulas as they stand, in double precision; gradients use the naive result. */
    Results naive() {
        float[] v = v();
        float[] q = q();
        float[] k = k();
        float[] g = g();
        int[] querySegments = querySegments();
        int[] keySegments = keySegments();
        double[] out = new double[q.length];
        double[] lse = new double[batch * heads * queries];
        double[] dq = new double[q.length];
        double[] dk = new double[k.length];
        double[] dv = new double[k.length];
        for (int b = 0; b < batch; b++) {
            for (int h = 0; h < heads; h++) {
                for (int t = 0; t < queries; t++) {
                    double[] p = scores(q, k, b, t, h, querySegments, keySegments);
                    double total = Arrays.stream(p).map(Math::exp).sum();
                    lse[(b * heads + h) * queries + t] = Math.log(total);
                    if (total == 0) {
                        continue;
                    }
                    int at = query(b, t, h);
                    double delta = 0;
                    double[] dp = new double[keys];
                    for (int s = 0; s < keys; s++) {
                        p[s] = Math.exp(p[s]) / total;
                        for (int d = 0; d < size; d++) {
                            out[at + d] += p[s] * v[key(b, s, h) + d];
                            dv[key(b, s, h) + d] += p[s] * g[at + d];
                            dp[s] += (double) g[at + d] * v[key(b, s, h) + d];
                        }
                        delta += p[s] * dp[s];
                    }
                    for (int s = 0; s < keys; s++) {
                        double ds = p[s] * (dp[s] - delta) * SCALE;
                        for (int d = 0; d < size; d++) {
                            dq[at + d] += ds * k[key(b, s, h) + d];
                            dk[key(b, s, h) + d] += ds * q[at + d];
                        }
                    }
                }
            }
        }
        return new Results(floats(out), floats(lse), floats(dq), floats(dk), floats(dv));
    }

    private static float[] floats(double[] values) {
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = (float) values[i];
        }
        return floats;
    }
}
