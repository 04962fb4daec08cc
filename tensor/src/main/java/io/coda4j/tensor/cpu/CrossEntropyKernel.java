package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Elements;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
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

    /** What is computed for one row. */
    @FunctionalInterface
    private interface Row {
        void run(MemorySegment[] in, MemorySegment[] out, int row);
    }

    /** A kernel that checks the targets, its second operand, and then computes each row. */
    private static Kernel rows(Parallel parallel, String name, TensorType logits, Row each) {
        int rows = logits.dim(0);
        int perTask = Math.max(1, PIECE / Math.max(1, logits.dim(1)));
        var launch = Launch.of(parallel, (rows + perTask - 1) / perTask, (in, out, task) -> {
            for (int row = task * perTask; row < Math.min(rows, (task + 1) * perTask); row++) {
                each.run(in, out, row);
            }
        });
        return (in, out) -> {
            requireTargets(name, CpuBuffer.segment(in[1]), logits);
            launch.run(in, out);
        };
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
        return rows(parallel, "crossEntropy", logits, (in, out, row) -> {
            double logSumExp = logSumExp(in[0], logits.dtype(), row, n);
            int target = in[1].get(JAVA_INT_UNALIGNED, row * 4L);
            double chosen = Elements.get(in[0], logits.dtype(), (long) row * n + target);
            out[0].set(JAVA_FLOAT_UNALIGNED, row * 4L, (float) (logSumExp - chosen));
            out[1].set(JAVA_FLOAT_UNALIGNED, row * 4L, (float) logSumExp);
        });
    }

    private static double logSumExp(MemorySegment x, DType dtype, int row, int n) {
        long base = (long) row * n * dtype.bytes();
        Objects.checkFromIndexSize(base, (long) n * dtype.bytes(), x.byteSize());
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
        long from = x.address() + base;
        var sum = FloatVector.zero(Lanes.F32);
        var maxima = FloatVector.broadcast(Lanes.F32, max);
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            sum = sum.add(VectorMath.exp(Lanes.load(from + i * 4L).sub(maxima)));
        }
        float rest = 0;
        for (; i < n; i++) {
            rest += VectorMath.exp(Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, from + i * 4L) - max);
        }
        return Lanes.sum(sum) + rest;
    }

    /** The sum of exp(x - max) over {@code n} bfloat16 numbers from byte {@code base}. */
    static float sumExpBf16(MemorySegment x, long base, int n, float max) {
        long from = x.address() + base;
        var sum = FloatVector.zero(Lanes.F32);
        var maxima = FloatVector.broadcast(Lanes.F32, max);
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            sum = sum.add(
                    VectorMath.exp(Lanes.loadBf16(Lanes.ALL, from + i * 2L).sub(maxima)));
        }
        float rest = 0;
        for (; i < n; i++) {
            rest += VectorMath.exp(Bf16.toFloat(Lanes.ALL.get(JAVA_SHORT_UNALIGNED, from + i * 2L)) - max);
        }
        return Lanes.sum(sum) + rest;
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
        return rows(parallel, "crossEntropyGrad", logits, (in, out, row) -> {
            float logSumExp = in[2].get(JAVA_FLOAT_UNALIGNED, row * 4L);
            float g = in[3].get(JAVA_FLOAT_UNALIGNED, row * 4L);
            long target = (long) row * n + in[1].get(JAVA_INT_UNALIGNED, row * 4L);
            double p = Math.exp(Elements.get(in[0], dtype, target) - logSumExp);
            Objects.checkFromIndexSize((long) row * n * dtype.bytes(), (long) n * dtype.bytes(), out[0].byteSize());
            if (dtype == DType.F32) {
                probabilities(in[0], out[0], row * (n * 4L), n, logSumExp, g);
            } else {
                exponentialsBf16(in[0], out[0], row * (n * 2L), n, logSumExp, g);
            }
            Elements.set(out[0], dtype, target, (p - 1) * g);
        });
    }

    /** y = exp(x - logSumExp) g. */
    private static void probabilities(MemorySegment x, MemorySegment y, long base, int n, float logSumExp, float g) {
        long from = x.address() + base;
        long to = y.address() + base;
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var value = Lanes.load(from + i * 4L);
            Lanes.store(VectorMath.exp(value.sub(logSumExp)).mul(g), to + i * 4L);
        }
        for (; i < n; i++) {
            float value = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, from + i * 4L);
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, to + i * 4L, VectorMath.exp(value - logSumExp) * g);
        }
    }

    /** y = exp(x - less) factor, of {@code n} bfloat16 numbers from byte {@code base}. */
    static void exponentialsBf16(MemorySegment x, MemorySegment y, long base, int n, float less, float factor) {
        long from = x.address() + base;
        long to = y.address() + base;
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var value = Lanes.loadBf16(Lanes.ALL, from + i * 2L);
            Lanes.storeBf16(VectorMath.exp(value.sub(less)).mul(factor), Lanes.ALL, to + i * 2L);
        }
        for (; i < n; i++) {
            float value = Bf16.toFloat(Lanes.ALL.get(JAVA_SHORT_UNALIGNED, from + i * 2L));
            short p = Bf16.fromFloat(VectorMath.exp(value - less) * factor);
            Lanes.ALL.set(JAVA_SHORT_UNALIGNED, to + i * 2L, p);
        }
    }
}
