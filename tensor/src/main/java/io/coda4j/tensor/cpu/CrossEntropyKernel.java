package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Elements;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;

/**
 * Cross-entropy of rows logits[N,V] against targets, and its gradient. A row is read twice, for its maximum and for the
 * sum of exponentials; the gradient reads it once. BF16 is computed in F32.
 */
final class CrossEntropyKernel {
    /** Elements of one task, about, and of one partial sum of exponentials. */
    private static final int PIECE = 16_384;

    private CrossEntropyKernel() {}

    static Optional<Kernel> forward(Parallel parallel, TensorType logits) {
        return serves(logits) ? Optional.of(losses(parallel, logits)) : Optional.empty();
    }

    static Optional<Kernel> gradient(Parallel parallel, TensorType logits) {
        return serves(logits) ? Optional.of(gradients(parallel, logits)) : Optional.empty();
    }

    private static boolean serves(TensorType logits) {
        return logits.dtype() == DType.F32 || logits.dtype() == DType.BF16;
    }

    /** A piece of work on one row. */
    @FunctionalInterface
    private interface Row {
        void run(int row);
    }

    private static void rows(Parallel parallel, TensorType logits, Row each) {
        int rows = logits.dim(0);
        int perTask = Math.max(1, PIECE / Math.max(1, logits.dim(1)));
        parallel.forEach((rows + perTask - 1) / perTask, task -> {
            for (int row = task * perTask; row < Math.min(rows, (task + 1) * perTask); row++) {
                each.run(row);
            }
        });
    }

    private static void requireTargets(String name, MemorySegment targets, TensorType logits) {
        for (int row = 0; row < logits.dim(0); row++) {
            int target = targets.get(JAVA_INT_UNALIGNED, row * 4L);
            if (target < 0 || target >= logits.dim(1)) {
                throw new DeviceException(name + ": target " + target + " at position " + row + " is outside logits "
                        + logits + "; expected 0.." + (logits.dim(1) - 1)
                        + "; leave positions without a target out, or give them any target and weight 0");
            }
        }
    }

    private static Kernel losses(Parallel parallel, TensorType logits) {
        int n = logits.dim(1);
        return (in, out) -> {
            var x = CpuBuffer.segment(in[0]);
            var targets = CpuBuffer.segment(in[1]);
            var losses = CpuBuffer.segment(out[0]);
            var sums = CpuBuffer.segment(out[1]);
            requireTargets("crossEntropy", targets, logits);
            rows(parallel, logits, row -> {
                double logSumExp = logSumExp(x, logits.dtype(), row, n);
                int target = targets.get(JAVA_INT_UNALIGNED, row * 4L);
                double chosen = Elements.get(x, logits.dtype(), (long) row * n + target);
                losses.set(JAVA_FLOAT_UNALIGNED, row * 4L, (float) (logSumExp - chosen));
                sums.set(JAVA_FLOAT_UNALIGNED, row * 4L, (float) logSumExp);
            });
        };
    }

    private static double logSumExp(MemorySegment x, DType dtype, int row, int n) {
        long base = (long) row * n * dtype.bytes();
        boolean narrow = dtype == DType.BF16;
        float max = narrow ? maxBf16(x, base, n) : Reductions.max(x, base, n);
        double sum = 0;
        for (int from = 0; from < n; from += PIECE) {
            int count = Math.min(PIECE, n - from);
            sum += narrow ? sumExpBf16(x, base + from * 2L, count, max) : sumExp(x, base + from * 4L, count, max);
        }
        return max + Math.log(sum);
    }

    private static float sumExp(MemorySegment x, long base, int n, float max) {
        var s0 = FloatVector.zero(Lanes.F32);
        var s1 = s0;
        int i = 0;
        for (; i <= n - 2 * Lanes.COUNT; i += 2 * Lanes.COUNT) {
            s0 = s0.add(VectorMath.exp(Lanes.load(x, base + i * 4L).sub(max)));
            s1 = s1.add(VectorMath.exp(
                    Lanes.load(x, base + (i + Lanes.COUNT) * 4L).sub(max)));
        }
        for (; i < n; i += Lanes.COUNT) {
            var tail = Lanes.tail(i, n);
            s0 = s0.add(VectorMath.exp(Lanes.load(x, base + i * 4L, tail).sub(max)), tail);
        }
        return Lanes.sum(s0.add(s1));
    }

    private static float sumExpBf16(MemorySegment x, long base, int n, float max) {
        var sum = FloatVector.zero(Lanes.F32);
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            sum = sum.add(VectorMath.exp(Lanes.loadBf16(x, base + i * 2L).sub(max)));
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            sum = sum.add(VectorMath.exp(Lanes.loadBf16(x, base + i * 2L, tail).sub(max)), tail);
        }
        return Lanes.sum(sum);
    }

    /** The greatest of {@code n} bfloat16 numbers from byte {@code base}; NaN if one is NaN. */
    static float maxBf16(MemorySegment x, long base, int n) {
        var max = FloatVector.broadcast(Lanes.F32, Float.NEGATIVE_INFINITY);
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            max = max.max(Lanes.loadBf16(x, base + i * 2L));
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            max = max.max(max.blend(Lanes.loadBf16(x, base + i * 2L, tail), tail));
        }
        return Lanes.max(max);
    }

    private static Kernel gradients(Parallel parallel, TensorType logits) {
        int n = logits.dim(1);
        var dtype = logits.dtype();
        return (in, out) -> {
            var x = CpuBuffer.segment(in[0]);
            var targets = CpuBuffer.segment(in[1]);
            var y = CpuBuffer.segment(out[0]);
            requireTargets("crossEntropyGrad", targets, logits);
            rows(parallel, logits, row -> {
                float logSumExp = CpuBuffer.segment(in[2]).get(JAVA_FLOAT_UNALIGNED, row * 4L);
                float g = CpuBuffer.segment(in[3]).get(JAVA_FLOAT_UNALIGNED, row * 4L);
                long target = (long) row * n + targets.get(JAVA_INT_UNALIGNED, row * 4L);
                double p = Math.exp(Elements.get(x, dtype, target) - logSumExp);
                if (dtype == DType.F32) {
                    probabilities(x, y, row * (n * 4L), n, logSumExp, g);
                } else {
                    probabilitiesBf16(x, y, row * (n * 2L), n, logSumExp, g);
                }
                Elements.set(y, dtype, target, (p - 1) * g);
            });
        };
    }

    /** y = exp(x - logSumExp) g. */
    private static void probabilities(MemorySegment x, MemorySegment y, long base, int n, float logSumExp, float g) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            Lanes.store(
                    VectorMath.exp(Lanes.load(x, base + i * 4L).sub(logSumExp)).mul(g), y, base + i * 4L);
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            var p = VectorMath.exp(Lanes.load(x, base + i * 4L, tail).sub(logSumExp));
            Lanes.store(p.mul(g), y, base + i * 4L, tail);
        }
    }

    private static void probabilitiesBf16(
            MemorySegment x, MemorySegment y, long base, int n, float logSumExp, float g) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            Lanes.storeBf16(
                    VectorMath.exp(Lanes.loadBf16(x, base + i * 2L).sub(logSumExp))
                            .mul(g),
                    y,
                    base + i * 2L);
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            var p = VectorMath.exp(Lanes.loadBf16(x, base + i * 2L, tail).sub(logSumExp));
            Lanes.storeBf16(p.mul(g), y, base + i * 2L, tail);
        }
    }
}
