package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.spi.Buffer;
import java.lang.foreign.MemorySegment;
import java.lang.ref.WeakReference;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;
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
    private final Launch launch;
    private @Nullable Table table;

    private RopeKernel(Parallel parallel, TensorType x, Primitive.Rope prim) {
        this.x = x;
        this.theta = prim.theta();
        this.direction = prim.inverse() ? -1 : 1;
        this.rows = x.size() == 0 ? 0 : Math.multiplyExact(x.dim(0), x.dim(1));
        this.perTask = Math.max(1, PIECE / Math.max(1, x.dim(2) * x.dim(3)));
        this.launch = Launch.of(parallel, (rows + perTask - 1) / perTask, this::task);
    }

    static Optional<Kernel> of(Parallel parallel, TensorType x, Primitive.Rope prim) {
        return switch (x.dtype()) {
            case F32, BF16 -> Optional.of(new RopeKernel(parallel, x, prim));
            case BOOL, I8, I32, F16, F64 -> Optional.empty();
        };
    }

    /** cos and sin of the angles, [T,D/2] row-major. */
    private record Table(double theta, int half, int[] positions, float[] cos, float[] sin) {
        static Table of(double theta, int half, int[] positions) {
            var cos = new float[Math.multiplyExact(positions.length, half)];
            var sin = new float[cos.length];
            for (int i = 0; i < half; i++) {
                double frequency = Math.exp(i * (-Math.log(theta) / half));
                for (int t = 0; t < positions.length; t++) {
                    double angle = positions[t] * frequency;
                    cos[t * half + i] = (float) Math.cos(angle);
                    sin[t * half + i] = (float) Math.sin(angle);
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
            int at = row % steps * half;
            if (x.dtype() == DType.F32) {
                turn(from + row * bytes, to + row * bytes, heads, half, angles.cos, angles.sin, at, direction);
            } else {
                turnBf16(from + row * bytes, to + row * bytes, heads, half, angles.cos, angles.sin, at, direction);
            }
        }
    }

    // Rows are addresses within operands whose sizes were checked, see Lanes.ALL.

    private static void turn(long x, long y, int heads, int half, float[] cos, float[] sin, int at, float direction) {
        for (int head = 0; head < heads; head++) {
            long first = head * (half * 8L);
            long second = first + half * 4L;
            int i = 0;
            for (; i <= half - Lanes.COUNT; i += Lanes.COUNT) {
                var c = FloatVector.fromArray(Lanes.F32, cos, at + i);
                var s = FloatVector.fromArray(Lanes.F32, sin, at + i).mul(direction);
                var a = Lanes.load(x + first + i * 4L);
                var b = Lanes.load(x + second + i * 4L);
                Lanes.store(a.mul(c).sub(b.mul(s)), y + first + i * 4L);
                Lanes.store(b.mul(c).add(a.mul(s)), y + second + i * 4L);
            }
            if (i < half) {
                var tail = Lanes.tail(i, half);
                var c = FloatVector.fromArray(Lanes.F32, cos, at + i, tail);
                var s = FloatVector.fromArray(Lanes.F32, sin, at + i, tail).mul(direction);
                var a = Lanes.load(Lanes.ALL, x + first + i * 4L, tail);
                var b = Lanes.load(Lanes.ALL, x + second + i * 4L, tail);
                Lanes.store(a.mul(c).sub(b.mul(s)), Lanes.ALL, y + first + i * 4L, tail);
                Lanes.store(b.mul(c).add(a.mul(s)), Lanes.ALL, y + second + i * 4L, tail);
            }
        }
    }

    private static void turnBf16(
            long x, long y, int heads, int half, float[] cos, float[] sin, int at, float direction) {
        for (int head = 0; head < heads; head++) {
            long first = head * (half * 4L);
            long second = first + half * 2L;
            int i = 0;
            for (; i <= half - Lanes.COUNT; i += Lanes.COUNT) {
                var c = FloatVector.fromArray(Lanes.F32, cos, at + i);
                var s = FloatVector.fromArray(Lanes.F32, sin, at + i).mul(direction);
                var a = Lanes.loadBf16(Lanes.ALL, x + first + i * 2L);
                var b = Lanes.loadBf16(Lanes.ALL, x + second + i * 2L);
                Lanes.storeBf16(a.mul(c).sub(b.mul(s)), Lanes.ALL, y + first + i * 2L);
                Lanes.storeBf16(b.mul(c).add(a.mul(s)), Lanes.ALL, y + second + i * 2L);
            }
            if (i < half) {
                var tail = Lanes.tail(i, half);
                var c = FloatVector.fromArray(Lanes.F32, cos, at + i, tail);
                var s = FloatVector.fromArray(Lanes.F32, sin, at + i, tail).mul(direction);
                var a = Lanes.loadBf16(Lanes.ALL, x + first + i * 2L, tail);
                var b = Lanes.loadBf16(Lanes.ALL, x + second + i * 2L, tail);
                Lanes.storeBf16(a.mul(c).sub(b.mul(s)), Lanes.ALL, y + first + i * 2L, tail);
                Lanes.storeBf16(b.mul(c).add(a.mul(s)), Lanes.ALL, y + second + i * 2L, tail);
            }
        }
    }
}
