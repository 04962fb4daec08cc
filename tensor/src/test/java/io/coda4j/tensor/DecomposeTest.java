package io.coda4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.testing.OpTable;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The meaning of every fused primitive against its formula in plain loops. */
class DecomposeTest {
    private final Random random = new Random(1);

    private Array normal(int... dims) {
        var type = TensorType.f64(dims);
        return Array.of(
                type,
                random.doubles(type.size()).map(_ -> random.nextGaussian()).toArray());
    }

    private static Array scalar(double value) {
        return Array.of(TensorType.f64(), value);
    }

    private static List<double[]> meaning(Primitive.Fused prim, Tensor... in) {
        return new Eager(OpTable.reference())
                .run(() -> Decompose.apply(prim, List.of(in)).stream()
                        .map(tensor -> ((Array) tensor).toDoubles())
                        .toList());
    }

    private static void check(double[] expected, double[] got) {
        assertArrayEquals(expected, got, 1e-12);
    }

    @Test
    void rmsNormDividesByTheRootMeanSquare() {
        var x = normal(3, 5);
        var w = normal(5);
        var xs = x.toDoubles();
        var expected = new double[15];
        for (int i = 0; i < 15; i++) {
            double squares = 0;
            for (int d = 0; d < 5; d++) {
                squares += Math.pow(xs[i / 5 * 5 + d], 2);
            }
            expected[i] = xs[i] / Math.sqrt(squares / 5 + 0.1) * w.toDoubles()[i % 5];
        }
        check(expected, meaning(new Primitive.RmsNorm(0.1), x, w).getFirst());
    }

    @Test
    void ropeRotatesPairsOfHalves() {
        int half = 3;
        var x = normal(2, 4, 3, 2 * half);
        int[] positions = {0, 1, 7, 100};
        var xs = x.toDoubles();
        for (boolean inverse : new boolean[] {false, true}) {
            var expected = new double[xs.length];
            for (int row = 0; row < 2 * 4 * 3; row++) {
                for (int i = 0; i < half; i++) {
                    double angle = positions[row / 3 % 4] * Math.pow(10_000, -2.0 * i / (2 * half));
                    double sin = inverse ? -Math.sin(angle) : Math.sin(angle);
                    double first = xs[row * 2 * half + i];
                    double second = xs[row * 2 * half + half + i];
                    expected[row * 2 * half + i] = first * Math.cos(angle) - second * sin;
                    expected[row * 2 * half + half + i] = second * Math.cos(angle) + first * sin;
                }
            }
            var got = meaning(new Primitive.Rope(10_000, inverse), x, Array.of(Shape.of(4), positions));
            check(expected, got.getFirst());
        }
    }

    @Test
    void inverseRopeUndoesRope() {
        var x = normal(1, 3, 2, 8);
        var positions = Array.of(Shape.of(3), 4, 9, 2);
        var there = Array.of(
                x.type(), meaning(new Primitive.Rope(1e6, false), x, positions).getFirst());
        check(
                x.toDoubles(),
                meaning(new Primitive.Rope(1e6, true), there, positions).getFirst());
    }

    @Test
    void swiGluGatesWithSilu() {
        var gate = normal(7);
        var up = normal(7);
        var expected = IntStream.range(0, 7)
                .mapToDouble(i -> gate.toDoubles()[i] / (1 + Math.exp(-gate.toDoubles()[i])) * up.toDoubles()[i])
                .toArray();
        check(expected, meaning(new Primitive.SwiGlu(), gate, up).getFirst());
    }

    @ParameterizedTest
    @EnumSource
    void attentionIsASoftmaxOverVisibleKeys(AttentionMask mask) {
        for (int start : new int[] {1, -2, Integer.MAX_VALUE - 1, Integer.MIN_VALUE}) {
            checkAttention(mask, start);
        }
    }

    private void checkAttention(AttentionMask mask, int start) {
        int b = 2, t = 3, s = 5, h = 4, k = 2, d = 3;
        double scale = 0.7;
        var q = normal(b, t, h, d);
        var keys = normal(b, s, k, d);
        var values = normal(b, s, k, d);
        // The last query of the second row belongs to a segment without keys.
        int[] querySegments = {0, 0, 1, 1, 0, 9};
        int[] keySegments = {0, 0, 1, 1, 1, 0, 1, 0, 1, 0};
        var got = meaning(
                new Primitive.Attention(scale, mask),
                q,
                keys,
                values,
                Array.of(Shape.of(b, t), querySegments),
                Array.of(Shape.of(b, s), keySegments),
                Array.scalar(start));
        for (int bi = 0; bi < b; bi++) {
            for (int ti = 0; ti < t; ti++) {
                for (int hi = 0; hi < h; hi++) {
                    int kh = hi / (h / k);
                    double total = 0;
                    var sum = new double[d];
                    for (int si = 0; si < s; si++) {
                        boolean sees = querySegments[bi * t + ti] == keySegments[bi * s + si]
                                && (mask == AttentionMask.FULL || si <= (long) start + ti);
                        double score = 0;
                        for (int di = 0; di < d; di++) {
                            score += q.toDoubles()[((bi * t + ti) * h + hi) * d + di]
                                    * keys.toDoubles()[((bi * s + si) * k + kh) * d + di];
                        }
                        double weight = sees ? Math.exp(scale * score) : 0;
                        total += weight;
                        for (int di = 0; di < d; di++) {
                            sum[di] += weight * values.toDoubles()[((bi * s + si) * k + kh) * d + di];
                        }
                    }
                    for (int di = 0; di < d; di++) {
                        double expected = total == 0 ? 0 : sum[di] / total;
                        assertEquals(expected, got.get(0)[((bi * t + ti) * h + hi) * d + di], 1e-12);
                    }
                    assertEquals(Math.log(total), got.get(1)[(bi * h + hi) * t + ti], 1e-12);
                }
            }
        }
    }

    @Test
    void crossEntropyIsLogSumExpLessTheChosenLogit() {
        var logits = normal(3, 4);
        int[] targets = {2, 0, 3};
        var got = meaning(new Primitive.CrossEntropy(), logits, Array.of(Shape.of(3), targets));
        for (int n = 0; n < 3; n++) {
            double sum = 0;
            for (int v = 0; v < 4; v++) {
                sum += Math.exp(logits.toDoubles()[4 * n + v]);
            }
            assertEquals(Math.log(sum) - logits.toDoubles()[4 * n + targets[n]], got.get(0)[n], 1e-12);
            assertEquals(Math.log(sum), got.get(1)[n], 1e-12);
        }
    }

    @Test
    void crossEntropyOfLargeLogitsIsFinite() {
        var logits = Array.of(TensorType.f32(1, 3), 1e4, -1e4, 0);
        assertEquals(
                2e4,
                meaning(new Primitive.CrossEntropy(), logits, Array.of(Shape.of(1), 1))
                        .getFirst()[0]);
    }

    @Test
    void argMaxTakesTheFirstOfEqualElements() {
        var x = Array.of(TensorType.f32(2, 4), 1, 3, 3, 2, -1, -1, -1, -1);
        check(new double[] {1, 0}, meaning(new Primitive.ArgMax(1), x).getFirst());
        check(new double[] {0, 0, 0, 0}, meaning(new Primitive.ArgMax(0), x).getFirst());
    }

    /** Algorithm 2 of Loshchilov and Hutter 2019, ten steps from zero moments. */
    @Test
    void adamWFollowsTheAlgorithm() {
        double beta1 = 0.9, beta2 = 0.99, eps = 1e-3, rate = 0.1, decay = 0.2;
        var p = normal(3);
        var m = Array.of(p.type(), 0, 0, 0);
        var v = Array.of(p.type(), 0, 0, 0);
        var ps = p.toDoubles();
        var ms = new double[3];
        var vs = new double[3];
        for (int t = 1; t <= 10; t++) {
            var g = normal(3);
            double correction1 = 1 / (1 - Math.pow(beta1, t));
            double correction2 = 1 / (1 - Math.pow(beta2, t));
            var next = meaning(
                    new Primitive.AdamW(beta1, beta2, eps),
                    p,
                    m,
                    v,
                    g,
                    scalar(rate),
                    scalar(decay),
                    scalar(correction1),
                    scalar(correction2));
            for (int i = 0; i < 3; i++) {
                double gradient = g.toDoubles()[i];
                ms[i] = beta1 * ms[i] + (1 - beta1) * gradient;
                vs[i] = beta2 * vs[i] + (1 - beta2) * gradient * gradient;
                ps[i] -= rate * (ms[i] * correction1 / (Math.sqrt(vs[i] * correction2) + eps) + decay * ps[i]);
            }
            check(ps, next.get(0));
            check(ms, next.get(1));
            check(vs, next.get(2));
            p = Array.of(p.type(), next.get(0));
            m = Array.of(p.type(), next.get(1));
            v = Array.of(p.type(), next.get(2));
        }
    }

    /** Algorithm 5 of Shazeer and Stern 2018; matrices are in the tests of the kernel. */
    @Test
    void adafactorClipsEachVectorOfAStackByItself() {
        double rate = 0.1, decay = 0.2, rho = 0.7, fresh = 0.3, eps = 1e-3, threshold = 0.9;
        double[] p = {1, 2, 3, 4};
        double[] v = {0.5, 0.25, 4, 9};
        double[] g = {3, -1, 0.5, 0.25};
        var next = meaning(
                new Primitive.Adafactor(eps, threshold, false, true),
                Array.of(TensorType.f64(2, 2), p),
                Array.of(TensorType.f64(2, 2), v),
                Array.of(TensorType.f64(2, 2), g),
                scalar(rate),
                scalar(decay),
                scalar(rho),
                scalar(fresh));
        var update = new double[4];
        for (int i = 0; i < 4; i++) {
            v[i] = rho * v[i] + fresh * (g[i] * g[i] + eps);
            update[i] = g[i] / Math.sqrt(v[i]);
        }
        for (int i = 0; i < 4; i++) {
            double rms = Math.hypot(update[i / 2 * 2], update[i / 2 * 2 + 1]) / Math.sqrt(2);
            assertEquals(i < 2, rms > threshold, "only the first vector is clipped");
            p[i] -= rate * (decay * p[i] + update[i] / Math.max(1, rms / threshold));
        }
        check(p, next.get(0));
        check(v, next.get(1));
    }

    /** The gradients are checked against difference quotients where autograd is; here only that they are separate. */
    @Test
    void gradientOfSwiGluIsTheProductRule() {
        var gate = Array.of(TensorType.f64(1), 0.5);
        var got = meaning(new Primitive.SwiGluGrad(), gate, scalarVector(3), scalarVector(2));
        double s = 1 / (1 + Math.exp(-0.5));
        check(new double[] {2 * 3 * (s + 0.5 * s * (1 - s))}, got.get(0));
        check(new double[] {2 * 0.5 * s}, got.get(1));
    }

    private static Array scalarVector(double value) {
        return Array.of(TensorType.f64(1), value);
    }

    @Test
    void narrowOperandsAreComputedWide() {
        // The mean square of 300 ones plus one 16 needs more than BF16 holds: 301 elements, 556/301.
        var values = new double[301];
        Arrays.fill(values, 1);
        values[0] = 16;
        var x = Array.of(TensorType.of(DType.BF16, 301), values);
        var w = new double[301];
        Arrays.fill(w, 1);
        var got = meaning(new Primitive.RmsNorm(0), x, Array.of(x.type(), w)).getFirst();
        assertEquals(1 / Math.sqrt(556.0 / 301), got[1], 0x1p-9);
    }
}
