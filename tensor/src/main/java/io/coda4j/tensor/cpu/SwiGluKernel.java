package io.coda4j.tensor.cpu;

import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;

/** gate * logistic(gate) * up (Shazeer 2020) and its gradient. BF16 is computed in F32 and rounded once. */
final class SwiGluKernel {
    private SwiGluKernel() {}

    static Optional<Kernel> forward(Parallel parallel, TensorType type) {
        return kernel(parallel, SwiGluKernel::forward, type);
    }

    static Optional<Kernel> gradient(Parallel parallel, TensorType type) {
        return kernel(parallel, SwiGluKernel::gradient, type);
    }

    private static Optional<Kernel> kernel(Parallel parallel, LaneLoop loop, TensorType type) {
        return switch (type.dtype()) {
            case F32, BF16 -> Optional.of(loop.kernel(parallel, type.dtype(), type.size()));
            case BOOL, I32, F16, F64 -> Optional.empty();
        };
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

    private static void gradient(long[] in, long[] out, int n) {
        long gate = in[0];
        long up = in[1];
        long g = in[2];
        long dgate = out[0];
        long dup = out[1];
        var one = FloatVector.broadcast(Lanes.F32, 1f);
        for (int i = 0; i < n; i += Lanes.COUNT) {
            var x = Lanes.load(gate + i * 4L);
            var wide = Lanes.load(g + i * 4L);
            var s = VectorMath.logistic(x);
            var xs = x.mul(s);
            // d silu(x) / dx = s + x s (1 - s)
            var slope = xs.fma(one.sub(s), s);
            var gateCotangent = wide.mul(Lanes.load(up + i * 4L)).mul(slope);
            Lanes.store(gateCotangent, dgate + i * 4L);
            Lanes.store(wide.mul(xs), dup + i * 4L);
        }
    }
}
