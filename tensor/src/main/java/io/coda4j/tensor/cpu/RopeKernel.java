package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.LoopProgram;
import io.coda4j.tensor.cpu.x86.LoopProgram.Access;
import io.coda4j.tensor.cpu.x86.VectorLoop;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.spi.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Rotary position embedding of x[B,T,H,D] (Su et al. 2021): pairs (i, i + D/2) turned by position * theta^(-2i/D).
 *
 * <p>The cosines and sines are computed in double precision when the positions change, and shared by all kernels that
 * use the same ones, which are all layers of a model. BF16 is computed in F32 and rounded once.
 */
final class RopeKernel implements Kernel {
    /** Elements of one task, about. */
    private static final int PIECE = 16_384;

    private static volatile WeakReference<@Nullable Table> latest = new WeakReference<>(null);

    private final TensorType x;
    private final double theta;
    private final float direction;
    private final int rows;
    private final int perTask;
    private final Optional<VectorLoop> machine;
    private final Launch launch;
    private @Nullable Table table;

    /** The turn of heads in whole vectors: both halves of rows, cos, sin, the direction, and both halves of the result. */
    private static VectorLoop loop(VectorLoops loops, boolean narrow) {
        var b = new LoopProgram.Builder();
        var first = b.load(b.memory(Access.rows(narrow)));
        var second = b.load(b.memory(Access.rows(narrow)));
        var c = b.load(b.memory(Access.ROW));
        var sin = b.load(b.memory(Access.ROW));
        var s = b.multiply(sin, b.broadcast(b.memory(Access.ONE)));
        b.store(b.memory(Access.rows(narrow)), b.subtract(b.multiply(first, c), b.multiply(second, s)));
        b.store(b.memory(Access.rows(narrow)), b.add(b.multiply(second, c), b.multiply(first, s)));
        return loops.required(b.program());
    }

    private RopeKernel(Parallel parallel, Optional<VectorLoops> loops, TensorType x, Primitive.Rope prim) {
        this.x = x;
        this.theta = prim.theta();
        this.direction = prim.inverse() ? -1 : 1;
        this.rows = x.size() == 0 ? 0 : Math.multiplyExact(x.dim(0), x.dim(1));
        this.perTask = Math.max(1, PIECE / Math.max(1, x.dim(2) * x.dim(3)));
        this.machine = hasLoop(x) ? loops.map(made -> loop(made, x.dtype() == DType.BF16)) : Optional.empty();
        this.launch = Launch.of(parallel, (rows + perTask - 1) / perTask, this::task);
    }

    /** Whether heads are in whole vectors, and all of a position within what one call may take. */
    static boolean hasLoop(TensorType x) {
        return x.dim(3) / 2 % Lanes.COUNT == 0 && (long) x.dim(2) * x.dim(3) <= LoopCall.MAX_ELEMENTS;
    }

    static Optional<Kernel> of(Parallel parallel, Optional<VectorLoops> loops, TensorType x, Primitive.Rope prim) {
        return Lanes.loadsAsF32(x.dtype()) ? Optional.of(new RopeKernel(parallel, loops, x, prim)) : Optional.empty();
    }

    /** cos and sin of the angles, [T,D/2] row-major. */
    private record Table(double theta, int half, int[] positions, MemorySegment cos, MemorySegment sin) {
        static Table of(double theta, int half, int[] positions) {
            long bytes = (long) positions.length * half * Float.BYTES;
            var cos = Arena.ofAuto().allocate(bytes, CpuMemory.ALIGNMENT);
            var sin = Arena.ofAuto().allocate(bytes, CpuMemory.ALIGNMENT);
            for (int i = 0; i < half; i++) {
                double frequency = Math.exp(i * (-Math.log(theta) / half));
                for (int t = 0; t < positions.length; t++) {
                    double angle = positions[t] * frequency;
                    cos.setAtIndex(JAVA_FLOAT, (long) t * half + i, (float) Math.cos(angle));
                    sin.setAtIndex(JAVA_FLOAT, (long) t * half + i, (float) Math.sin(angle));
                }
            }
            return new Table(theta, half, positions, cos, sin);
        }

        boolean serves(double wanted, int pairs, MemorySegment ids) {
            if (theta != wanted || half != pairs || positions.length != ids.byteSize() / 4) {
                return false;
            }
            long at = LaneLoop.address(ids, positions.length * 4L);
            for (int t = 0; t < positions.length; t++) {
                if (positions[t] != Lanes.ALL.get(JAVA_INT_UNALIGNED, at + t * 4L)) {
                    return false;
                }
            }
            return true;
        }
    }

    /** Makes {@link #table} the one for positions {@code ids}. */
    private void table(MemorySegment ids) {
        int half = x.dim(3) / 2;
        if (table == null || !table.serves(theta, half, ids)) {
            table = shared(ids, half);
        }
    }

    private Table shared(MemorySegment ids, int half) {
        var other = latest.get();
        if (other != null && other.serves(theta, half, ids)) {
            return other;
        }
        int[] positions = new int[x.dim(1)];
        Arrays.setAll(positions, t -> ids.get(JAVA_INT_UNALIGNED, t * 4L));
        var made = Table.of(theta, half, positions);
        latest = new WeakReference<>(made);
        return made;
    }

    @Override
    public void run(Buffer[] in, Buffer[] out) {
        if (rows == 0) {
            return;
        }
        table(CpuBuffer.segment(in[1]));
        launch.run(in, out);
    }

    private void task(MemorySegment[] in, MemorySegment[] out, int task) {
        var angles = Objects.requireNonNull(table);
        int heads = x.dim(2);
        int half = x.dim(3) / 2;
        int steps = x.dim(1);
        long bytes = 2L * half * heads * x.dtype().bytes();
        long from = LaneLoop.address(in[0], x.byteSize());
        long to = LaneLoop.address(out[0], x.byteSize());
        for (int row = task * perTask; row < Math.min(rows, (task + 1) * perTask); row++) {
            long at = row % steps * 4L * half;
            long cos = angles.cos.address() + at;
            long sin = angles.sin.address() + at;
            if (machine.isPresent()) {
                turn(machine.get(), from + row * bytes, to + row * bytes, cos, sin);
            } else if (x.dtype() == DType.BF16) {
                turnBf16(from + row * bytes, to + row * bytes, heads, half, cos, sin, direction);
            } else {
                turn(from + row * bytes, to + row * bytes, heads, half, cos, sin, direction);
            }
        }
    }

    // Rows are addresses within operands whose sizes were checked, see Lanes.ALL.

    private void turn(VectorLoop loop, long from, long to, long cos, long sin) {
        int heads = x.dim(2);
        int half = x.dim(3) / 2;
        long second = (long) half * x.dtype().bytes();
        Scratch.ofThread()
                .call
                .memory(0, from)
                .memory(1, from + second)
                .memory(2, cos)
                .memory(3, sin)
                .single(4, direction)
                .memory(5, to)
                .memory(6, to + second)
                .run(loop, heads, half, 2L * half);
    }

    private static void turn(long x, long y, int heads, int half, long cos, long sin, float direction) {
        for (int head = 0; head < heads; head++) {
            long first = head * (half * 8L);
            long second = first + half * 4L;
            int i = 0;
            for (; i <= half - Lanes.COUNT; i += Lanes.COUNT) {
                var c = Lanes.load(cos + i * 4L);
                var s = Lanes.load(sin + i * 4L).mul(direction);
                var a = Lanes.load(x + first + i * 4L);
                var b = Lanes.load(x + second + i * 4L);
                Lanes.store(a.mul(c).sub(b.mul(s)), y + first + i * 4L);
                Lanes.store(b.mul(c).add(a.mul(s)), y + second + i * 4L);
            }
            if (i < half) {
                var tail = Lanes.tail(i, half);
                var c = Lanes.load(Lanes.ALL, cos + i * 4L, tail);
                var s = Lanes.load(Lanes.ALL, sin + i * 4L, tail).mul(direction);
                var a = Lanes.load(Lanes.ALL, x + first + i * 4L, tail);
                var b = Lanes.load(Lanes.ALL, x + second + i * 4L, tail);
                Lanes.store(a.mul(c).sub(b.mul(s)), Lanes.ALL, y + first + i * 4L, tail);
                Lanes.store(b.mul(c).add(a.mul(s)), Lanes.ALL, y + second + i * 4L, tail);
            }
        }
    }

    private static void turnBf16(long x, long y, int heads, int half, long cos, long sin, float direction) {
        for (int head = 0; head < heads; head++) {
            long first = head * (half * 4L);
            long second = first + half * 2L;
            int i = 0;
            for (; i <= half - Lanes.COUNT; i += Lanes.COUNT) {
                var c = Lanes.load(cos + i * 4L);
                var s = Lanes.load(sin + i * 4L).mul(direction);
                var a = Lanes.loadBf16(Lanes.ALL, x + first + i * 2L);
                var b = Lanes.loadBf16(Lanes.ALL, x + second + i * 2L);
                Lanes.storeBf16(a.mul(c).sub(b.mul(s)), Lanes.ALL, y + first + i * 2L);
                Lanes.storeBf16(b.mul(c).add(a.mul(s)), Lanes.ALL, y + second + i * 2L);
            }
            if (i < half) {
                var tail = Lanes.tail(i, half);
                var c = Lanes.load(Lanes.ALL, cos + i * 4L, tail);
                var s = Lanes.load(Lanes.ALL, sin + i * 4L, tail).mul(direction);
                var a = Lanes.loadBf16(Lanes.ALL, x + first + i * 2L, tail);
                var b = Lanes.loadBf16(Lanes.ALL, x + second + i * 2L, tail);
                Lanes.storeBf16(a.mul(c).sub(b.mul(s)), Lanes.ALL, y + first + i * 2L, tail);
                Lanes.storeBf16(b.mul(c).add(a.mul(s)), Lanes.ALL, y + second + i * 2L, tail);
            }
        }
    }
}
