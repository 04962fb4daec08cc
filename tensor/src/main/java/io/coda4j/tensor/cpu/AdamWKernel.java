package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.LoopProgram;
import io.coda4j.tensor.cpu.x86.LoopProgram.Access;
import io.coda4j.tensor.cpu.x86.VectorLoop;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.spi.Buffer;
import java.util.Optional;
import java.util.stream.Stream;

/** One AdamW update of F32 parameters in one pass over (p, m, v, g); results may be their operands. */
final class AdamWKernel implements Kernel {
    private final float beta1;
    private final float beta2;
    private final float rest1;
    private final float rest2;
    private final float eps;
    private final Optional<VectorLoop> machine;
    private final Kernel update;

    // The scalars of the run, which its tasks read.
    private float rate;
    private float decay;
    private float correction1;
    private float correction2;

    private AdamWKernel(Parallel parallel, Optional<VectorLoops> loops, long size, Primitive.AdamW prim) {
        this.beta1 = (float) prim.beta1();
        this.beta2 = (float) prim.beta2();
        this.rest1 = (float) (1 - prim.beta1());
        this.rest2 = (float) (1 - prim.beta2());
        this.eps = (float) prim.eps();
        this.machine = loops.map(made -> made.required(program()));
        LaneLoop loop = this::update;
        this.update = loop.kernel(parallel, DType.F32, size, 4);
    }

    /** A kernel for F32; BF16 moments are rounded at every step of the meaning, which then serves. */
    static Optional<Kernel> of(Parallel parallel, Optional<VectorLoops> loops, TensorType p, Primitive.AdamW prim) {
        return p.dtype() == DType.F32
                ? Optional.of(new AdamWKernel(parallel, loops, p.size(), prim))
                : Optional.empty();
    }

    /** The update in machine code: (p, m, v, g), the new p, m and v, and the four scalars of a run. */
    private LoopProgram program() {
        var b = new LoopProgram.Builder();
        var p = b.load(b.memory(Access.ROWS));
        var oldM = b.load(b.memory(Access.ROWS));
        var oldV = b.load(b.memory(Access.ROWS));
        var g = b.load(b.memory(Access.ROWS));
        int newP = b.memory(Access.ROWS);
        int newM = b.memory(Access.ROWS);
        int newV = b.memory(Access.ROWS);
        var scalars = Stream.generate(() -> b.broadcast(b.memory(Access.ONE)))
                .limit(4)
                .toList();
        var m = b.add(b.multiply(oldM, b.constant(beta1)), b.multiply(g, b.constant(rest1)));
        var v = b.add(b.multiply(oldV, b.constant(beta2)), b.multiply(b.multiply(g, g), b.constant(rest2)));
        var root = b.squareRoot(b.multiply(v, scalars.get(3)));
        var direction = b.divide(b.multiply(m, scalars.get(2)), b.add(root, b.constant(eps)));
        var decayed = b.subtract(p, b.multiply(p, scalars.get(1)));
        b.store(newP, b.subtract(decayed, b.multiply(direction, scalars.get(0))));
        b.store(newM, m);
        b.store(newV, v);
        return b.program();
    }

    @Override
    public void run(Buffer[] in, Buffer[] out) {
        rate = scalar(in[4]);
        decay = rate * scalar(in[5]);
        correction1 = scalar(in[6]);
        correction2 = scalar(in[7]);
        update.run(in, out);
    }

    private void update(long[] in, long[] out, int n) {
        if (machine.isPresent()) {
            var call = Scratch.ofThread().call.memories(0, in, 4).memories(4, out, 3);
            call.single(7, rate).single(8, decay).single(9, correction1).single(10, correction2);
            call.run(machine.get(), n);
            return;
        }
        update(in, out, n, rate, decay, correction1, correction2, beta1, rest1, beta2, rest2, eps);
    }

    private static float scalar(Buffer buffer) {
        return CpuBuffer.segment(buffer).get(JAVA_FLOAT_UNALIGNED, 0);
    }

    private static void update(
            long[] in,
            long[] out,
            int n,
            float rate,
            float decay,
            float correction1,
            float correction2,
            float beta1,
            float rest1,
            float beta2,
            float rest2,
            float eps) {
        long ps = in[0];
        long ms = in[1];
        long vs = in[2];
        long gs = in[3];
        long newP = out[0];
        long newM = out[1];
        long newV = out[2];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            var p = Lanes.load(ps + i * 4L);
            var g = Lanes.load(gs + i * 4L);
            var m = Lanes.load(ms + i * 4L).mul(beta1).add(g.mul(rest1));
            var v = Lanes.load(vs + i * 4L).mul(beta2).add(g.mul(g).mul(rest2));
            var direction = m.mul(correction1).div(v.mul(correction2).sqrt().add(eps));
            Lanes.store(p.sub(p.mul(decay)).sub(direction.mul(rate)), newP + i * 4L);
            Lanes.store(m, newM + i * 4L);
            Lanes.store(v, newV + i * 4L);
        }
    }
}
