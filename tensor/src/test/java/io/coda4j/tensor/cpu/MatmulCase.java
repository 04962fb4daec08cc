package io.coda4j.tensor.cpu;

import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.KernelSet;
import io.coda4j.tensor.spi.Buffer;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Function;

/** One product of random operands, computed by the kernel under test and by nested loops in double precision. */
record MatmulCase(Primitive.Dot dot, TensorType lhs, TensorType rhs) {
    static MatmulCase of(
            List<Integer> lhsBatch,
            List<Integer> rhsBatch,
            List<Integer> lhsContract,
            List<Integer> rhsContract,
            TensorType lhs,
            TensorType rhs) {
        return new MatmulCase(new Primitive.Dot(lhsBatch, rhsBatch, lhsContract, rhsContract, DType.F32), lhs, rhs);
    }

    /** {@code form} is NT, NN, TN or TT: whether each operand has the summed axis first or last. */
    static MatmulCase matrices(String form, DType dtype, int m, int n, int k) {
        boolean first = form.charAt(0) == 'T';
        boolean last = form.charAt(1) == 'T';
        return of(
                List.of(),
                List.of(),
                List.of(first ? 0 : 1),
                List.of(last ? 1 : 0),
                first ? TensorType.of(dtype, k, m) : TensorType.of(dtype, m, k),
                last ? TensorType.of(dtype, n, k) : TensorType.of(dtype, k, n));
    }

    TensorType result() {
        return dot.infer(List.of(lhs, rhs)).getFirst();
    }

    /** The kernel's result on {@code threads} threads; storage is filled with NaN before. */
    float[] run(int threads) {
        return run(threads, Set.of(), kernels -> kernels);
    }

    /** As {@link #run(int)}, the right operand being the same at each run. */
    float[] runFrozen(int threads) {
        return run(threads, Set.of(1), kernels -> kernels);
    }

    /** As {@link #run(int)} where {@code frozen} operands are the same at each run, with kernels made of the usual ones. */
    float[] run(int threads, Set<Integer> frozen, Function<CpuKernels, KernelSet> kernels) {
        var out = result();
        try (var device = CpuDevice.reference();
                var parallel = new Parallel(threads);
                var a = random(device, lhs, 1);
                var b = random(device, rhs, 2);
                var c = device.upload(out, MemorySegment.ofArray(nans(out)))) {
            var kernel = kernels.apply(CpuDevice.reference().kernels(parallel))
                    .kernel(dot, List.of(lhs, rhs), List.of(out), frozen)
                    .orElseThrow();
            kernel.run(new Buffer[] {a, b}, new Buffer[] {c});
            kernel.run(new Buffer[] {a, b}, new Buffer[] {c});
            float[] values = new float[(int) out.size()];
            c.download(MemorySegment.ofArray(values));
            return values;
        }
    }

    private static float[] nans(TensorType type) {
        float[] values = new float[(int) type.size()];
        java.util.Arrays.fill(values, Float.NaN);
        return values;
    }

    static float[] values(TensorType type, long seed) {
        var random = new SplittableRandom(seed);
        float[] values = new float[(int) type.size()];
        for (int i = 0; i < values.length; i++) {
            float value = (float) (random.nextDouble() * 2 - 1);
            values[i] = type.dtype() == DType.BF16 ? Bf16.toFloat(Bf16.fromFloat(value)) : value;
        }
        return values;
    }

    static Buffer upload(CpuDevice device, TensorType type, float[] values) {
        if (type.dtype() == DType.F32) {
            return device.upload(type, MemorySegment.ofArray(values));
        }
        short[] bits = new short[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Bf16.fromFloat(values[i]);
        }
        return device.upload(type, MemorySegment.ofArray(bits));
    }

    /** The F32 or BF16 elements of a buffer. */
    static float[] download(TensorType type, Buffer buffer) {
        float[] values = new float[(int) type.size()];
        if (type.dtype() == DType.F32) {
            buffer.download(MemorySegment.ofArray(values));
            return values;
        }
        short[] bits = new short[values.length];
        buffer.download(MemorySegment.ofArray(bits));
        for (int i = 0; i < bits.length; i++) {
            values[i] = Bf16.toFloat(bits[i]);
        }
        return values;
    }

    private static Buffer random(CpuDevice device, TensorType type, long seed) {
        return upload(device, type, values(type, seed));
    }

    /** The greatest difference from the sums in double precision, as a share of what rounding may explain. */
    double error(float[] actual) {
        float[] a = values(lhs, 1);
        float[] b = values(rhs, 2);
        var out = result();
        long[] left = lhs.shape().strides();
        long[] right = rhs.shape().strides();
        var leftFree = lhs.shape().axesExcept(dot.lhsBatch(), dot.lhsContract());
        var rightFree = rhs.shape().axesExcept(dot.rhsBatch(), dot.rhsContract());
        var sums = Shape.of(dot.lhsContract().stream().map(lhs::dim).toList());
        double worst = 0;
        for (int i = 0; i < actual.length; i++) {
            long[] index = index(out.shape(), i);
            long from = 0;
            long with = 0;
            int axis = 0;
            for (int j = 0; j < dot.lhsBatch().size(); j++, axis++) {
                from += index[axis] * left[dot.lhsBatch().get(j)];
                with += index[axis] * right[dot.rhsBatch().get(j)];
            }
            for (int free : leftFree) {
                from += index[axis++] * left[free];
            }
            for (int free : rightFree) {
                with += index[axis++] * right[free];
            }
            double sum = 0;
            double size = 0;
            for (int k = 0; k < sums.size(); k++) {
                long[] at = index(sums, k);
                long l = from;
                long r = with;
                for (int j = 0; j < at.length; j++) {
                    l += at[j] * left[dot.lhsContract().get(j)];
                    r += at[j] * right[dot.rhsContract().get(j)];
                }
                double product = (double) a[(int) l] * b[(int) r];
                sum += product;
                size += Math.abs(product);
            }
            // Summing k terms in any order errs by at most k half-ulps of the sum of the magnitudes.
            double allowed = sums.size() * 0x1p-24 * size + Double.MIN_NORMAL;
            double error = Math.abs(actual[i] - sum) / allowed;
            worst = Double.isNaN(error) ? Double.POSITIVE_INFINITY : Math.max(worst, error);
        }
        return worst;
    }

    private static long[] index(Shape shape, long flat) {
        long[] index = new long[shape.rank()];
        long rest = flat;
        for (int axis = index.length - 1; axis >= 0; axis--) {
            index[axis] = rest % shape.dim(axis);
            rest /= shape.dim(axis);
        }
        return index;
    }
}
