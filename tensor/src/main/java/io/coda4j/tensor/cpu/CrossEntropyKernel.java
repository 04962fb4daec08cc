package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Elements;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * Cross-entropy of rows logits[N,V] against targets, and its gradient. A row is read twice, for its maximum and for the
 * sum of exponentials; the gradient reads it once. BF16 is computed in F32.
 */
final class CrossEntropyKernel {
    private CrossEntropyKernel() {}

    static Optional<Kernel> forward(Parallel parallel, SoftmaxPasses passes, TensorType logits) {
        return Lanes.loadsAsF32(logits.dtype()) ? Optional.of(losses(parallel, passes, logits)) : Optional.empty();
    }

    static Optional<Kernel> gradient(Parallel parallel, SoftmaxPasses passes, TensorType logits) {
        return Lanes.loadsAsF32(logits.dtype()) ? Optional.of(gradients(parallel, passes, logits)) : Optional.empty();
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
        int rows = logits.dim(0);
        int classes = logits.dim(1);
        long at = LaneLoop.address(targets, rows * 4L);
        for (int row = 0; row < rows; row++) {
            int target = Lanes.ALL.get(JAVA_INT_UNALIGNED, at + row * 4L);
            if (target < 0 || target >= classes) {
                throw new DeviceException(name + ": target " + target + " at position " + row + " is outside logits "
                        + logits + "; expected 0.." + (classes - 1)
                        + "; leave positions without a target out, or give them any target and weight 0");
            }
        }
    }

    private static Kernel losses(Parallel parallel, SoftmaxPasses passes, TensorType logits) {
        int n = logits.dim(1);
        var dtype = logits.dtype();
        long column = logits.dim(0) * 4L;
        return rows(parallel, "crossEntropy", logits, (in, out, row) -> {
            long x = LaneLoop.address(in[0], logits.byteSize()) + row * n * dtype.bytes();
            double logSumExp = logSumExp(passes, x, n);
            int target = Lanes.ALL.get(JAVA_INT_UNALIGNED, LaneLoop.address(in[1], column) + row * 4);
            double chosen = Elements.get(in[0], dtype, row * n + target);
            float loss = (float) (logSumExp - chosen);
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, LaneLoop.address(out[0], column) + row * 4, loss);
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, LaneLoop.address(out[1], column) + row * 4, (float) logSumExp);
        });
    }

    private static double logSumExp(SoftmaxPasses passes, long logits, int n) {
        float max = passes.greatest(logits, n);
        return max + Math.log(passes.sum(logits, n, max));
    }

    private static Kernel gradients(Parallel parallel, SoftmaxPasses passes, TensorType logits) {
        int n = logits.dim(1);
        var dtype = logits.dtype();
        long column = logits.dim(0) * 4L;
        return rows(parallel, "crossEntropyGrad", logits, (in, out, row) -> {
            float logSumExp = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, LaneLoop.address(in[2], column) + row * 4);
            float g = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, LaneLoop.address(in[3], column) + row * 4);
            long target = row * n + Lanes.ALL.get(JAVA_INT_UNALIGNED, LaneLoop.address(in[1], column) + row * 4);
            double p = Math.exp(Elements.get(in[0], dtype, target) - logSumExp);
            long x = LaneLoop.address(in[0], logits.byteSize()) + row * n * dtype.bytes();
            long y = LaneLoop.address(out[0], logits.byteSize()) + row * n * dtype.bytes();
            passes.exponentials(x, y, n, logSumExp, g);
            Elements.set(out[0], dtype, target, (p - 1) * g);
        });
    }
}
