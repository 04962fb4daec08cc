package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Elements;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.Optional;

/**
 * Cross-entropy of rows logits[N,V] against targets, and its gradient. A row is read twice, for its maximum and for the
 * sum of exponentials; the gradient reads it once. BF16 is computed in F32.
 */
final class CrossEntropyKernel {
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

    /** A kernel that checks the targets, its second operand, and then computes each row. */
    private static Kernel rows(Parallel parallel, String name, TensorType logits, Launch.Row each) {
        var launch = Launch.rows(parallel, logits.dim(0), logits.dim(1), each);
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
            double chosen = Elements.get(in[0], logits.dtype(), row * n + target);
            out[0].set(JAVA_FLOAT_UNALIGNED, row * 4L, (float) (logSumExp - chosen));
            out[1].set(JAVA_FLOAT_UNALIGNED, row * 4L, (float) logSumExp);
        });
    }

    private static double logSumExp(MemorySegment x, DType dtype, long row, int n) {
        long base = row * n * dtype.bytes();
        Objects.checkFromIndexSize(base, (long) n * dtype.bytes(), x.byteSize());
        boolean narrow = dtype == DType.BF16;
        long logits = x.address() + base;
        float max = narrow ? SoftmaxRows.greatestBf16(logits, n) : SoftmaxRows.greatest(logits, n);
        double sum = narrow ? SoftmaxRows.sumBf16(logits, n, max) : SoftmaxRows.sum(logits, n, max);
        return max + Math.log(sum);
    }

    private static Kernel gradients(Parallel parallel, TensorType logits) {
        int n = logits.dim(1);
        var dtype = logits.dtype();
        return rows(parallel, "crossEntropyGrad", logits, (in, out, row) -> {
            float logSumExp = in[2].get(JAVA_FLOAT_UNALIGNED, row * 4L);
            float g = in[3].get(JAVA_FLOAT_UNALIGNED, row * 4L);
            long target = row * n + in[1].get(JAVA_INT_UNALIGNED, row * 4L);
            double p = Math.exp(Elements.get(in[0], dtype, target) - logSumExp);
            long base = row * n * dtype.bytes();
            Objects.checkFromIndexSize(base, (long) n * dtype.bytes(), out[0].byteSize());
            long x = in[0].address() + base;
            long y = out[0].address() + base;
            if (dtype == DType.F32) {
                SoftmaxRows.exponentials(x, y, n, logSumExp, g);
            } else {
                SoftmaxRows.exponentialsBf16(x, y, n, logSumExp, g);
            }
            Elements.set(out[0], dtype, target, (p - 1) * g);
        });
    }
}
