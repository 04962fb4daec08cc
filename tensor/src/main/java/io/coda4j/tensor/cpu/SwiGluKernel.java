package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.LoopProgram.Builder;
import io.coda4j.tensor.cpu.x86.LoopProgram.Value;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import io.coda4j.tensor.exec.Kernel;
import java.util.List;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;

/** gate * logistic(gate) * up (Shazeer 2020) and its gradient. BF16 is computed in F32 and rounded once. */
final class SwiGluKernel {
    /** The slot of scratch memory that {@link LaneLoop} does not use for three operands and two results. */
    private static final int LOGISTIC = 7;

    private SwiGluKernel() {}

    static Optional<Kernel> forward(Parallel parallel, Optional<VectorLoops> loops, TensorType type) {
        return kernel(parallel, loops, type, 2, SwiGluKernel::forward, SwiGluKernel::forward);
    }

    static Optional<Kernel> gradient(Parallel parallel, Optional<VectorLoops> loops, TensorType type) {
        return kernel(parallel, loops, type, 3, SwiGluKernel::gradient, SwiGluKernel::gradient);
    }

    /** Machine code of {@code body}, or else {@code twin}, of the same bits. */
    private static Optional<Kernel> kernel(
            Parallel parallel,
            Optional<VectorLoops> loops,
            TensorType type,
            int operands,
            LoopLanes.Body body,
            LaneLoop twin) {
        if (!Lanes.loadsAsF32(type.dtype())) {
            return Optional.empty();
        }
        return loops.map(made -> LoopLanes.of(made, type.dtype() == DType.BF16, operands, body))
                .map(loop -> loop.kernel(parallel, type.dtype().bytes(), type.size(), operands))
                .or(() -> Optional.of(twin.kernel(parallel, type.dtype(), type.size(), operands)));
    }

    private static List<Value> forward(Builder b, List<Value> operands) {
        var x = operands.get(0);
        var silu = b.divide(x, b.add(LoopMath.exp(b, b.negate(x)), b.constant(1)));
        return List.of(b.multiply(silu, operands.get(1)));
    }

    private static List<Value> gradient(Builder b, List<Value> operands) {
        var x = operands.get(0);
        var up = operands.get(1);
        var g = operands.get(2);
        var s = LoopMath.logistic(b, x);
        var xs = b.multiply(x, s);
        var slope = b.multiplyAdd(xs, b.subtract(b.constant(1), s), s);
        return List.of(b.multiply(b.multiply(g, up), slope), b.multiply(g, xs));
    }

    private static void forward(long[] in, long[] out, int n) {
        long gate = in[0];
        long up = in[1];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            var x = Lanes.load(gate + i * 4L);
            var silu = x.div(VectorMath.exp(x.neg()).add(1f));
            Lanes.store(silu.mul(Lanes.load(up + i * 4L)), y + i * 4L);
        }
    }

    /**
     * In blocks of which the logistic function is computed first: with all of this in one loop C2 would stop inlining
     * before the end, and make an object of every vector that it passes on.
     */
    private static void gradient(long[] in, long[] out, int n) {
        long logistic = Scratch.ofThread().address(LOGISTIC);
        for (int from = 0; from < n; from += Scratch.SLOT) {
            int block = Math.min(Scratch.SLOT, n - from);
            logistic(in[0] + from * 4L, logistic, block);
            slopes(in, out, from * 4L, logistic, block);
        }
    }

    private static void logistic(long x, long y, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(VectorMath.logistic(Lanes.load(x + i * 4L)), y + i * 4L);
        }
    }

    private static void slopes(long[] in, long[] out, long at, long logistic, int n) {
        long gate = in[0] + at;
        long up = in[1] + at;
        long g = in[2] + at;
        long dgate = out[0] + at;
        long dup = out[1] + at;
        var one = FloatVector.broadcast(Lanes.F32, 1f);
        for (int i = 0; i < n; i += Lanes.COUNT) {
            var x = Lanes.load(gate + i * 4L);
            var wide = Lanes.load(g + i * 4L);
            var s = Lanes.load(logistic + i * 4L);
            var xs = x.mul(s);
            // d silu(x) / dx = s + x s (1 - s)
            var slope = xs.fma(one.sub(s), s);
            var gateCotangent = wide.mul(Lanes.load(up + i * 4L)).mul(slope);
            Lanes.store(gateCotangent, dgate + i * 4L);
            Lanes.store(wide.mul(xs), dup + i * 4L);
        }
    }
}
