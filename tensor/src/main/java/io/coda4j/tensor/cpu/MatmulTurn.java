package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.HALF_BYTES;
import static io.coda4j.tensor.cpu.MicroKernel.LANES;
import static io.coda4j.tensor.cpu.MicroKernel.ORDER;
import static io.coda4j.tensor.cpu.MicroKernel.SPECIES;

import io.coda4j.tensor.cpu.x86.MachineKernels;
import io.coda4j.tensor.cpu.x86.Transposition;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.function.IntUnaryOperator;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;
import org.jspecify.annotations.Nullable;

/**
 * Transposes square blocks of one vector's width.
 *
 * <p>Stage s exchanges, in each pair of rows r and r + s, the lanes whose number has bit s in the one row with those
 * that have not in the other; after the stages 1, 2, 4, ... rows and lanes have changed places.
 */
final class MatmulTurn {
    /** Floats of the buffer that {@link #turn} needs. */
    static final int BLOCK = LANES * LANES;

    private static final int LAST = LANES / 2;
    private static final Stage FIRST = Stage.of(1);
    private static final Stage SECOND = Stage.of(2);
    private static final Stage THIRD = Stage.of(4);
    private static final Stage LAST_STAGE = Stage.of(LAST);

    private MatmulTurn() {}

    /**
     * What rows r and r + s exchange.
     *
     * @param low where the lanes of row r come from: its own, and from row r + s those whose number has not bit s
     * @param high where the lanes of row r + s come from
     * @param swap the lanes in the order i ^ s
     * @param upper the lanes whose number has bit s
     */
    private record Stage(IntVector low, IntVector high, VectorShuffle<Integer> swap, VectorMask<Integer> upper) {
        static Stage of(int s) {
            boolean[] upper = new boolean[LANES];
            for (int lane = 0; lane < LANES; lane++) {
                upper[lane] = (lane & s) != 0;
            }
            return new Stage(
                    select(lane -> (lane & s) == 0 ? lane : LANES + lane - s),
                    select(lane -> (lane & s) == 0 ? (lane + s) % LANES : LANES + lane),
                    VectorShuffle.fromOp(Lanes.I32, lane -> lane ^ s),
                    VectorMask.fromArray(Lanes.I32, upper, 0));
        }

        private static IntVector select(IntUnaryOperator source) {
            int[] lanes = new int[LANES];
            Arrays.setAll(lanes, source);
            return IntVector.fromArray(Lanes.I32, lanes, 0);
        }

        // With 512 bits one instruction picks lanes out of two vectors; with less it takes several, and a swap and a
        // blend are cheaper.
        IntVector low(IntVector a, IntVector b) {
            return LANES >= 16 ? low.selectFrom(a, b) : a.blend(b.rearrange(swap), upper);
        }

        IntVector high(IntVector a, IntVector b) {
            return LANES >= 16 ? high.selectFrom(a, b) : a.rearrange(swap).blend(b, upper);
        }
    }

    /** Machine code for what the methods of this class turn, chosen when the first panel is packed. */
    private static final class Machine {
        static final @Nullable Transposition CODE = LANES % Transposition.WIDTH == 0
                ? MachineKernels.ofProcess().transposition().orElse(null)
                : null;

        private Machine() {}
    }

    /**
     * Turns as many columns as a vector has lanes, each of them in one piece, into steps side by side.
     *
     * @param from native memory or an array of floats
     * @param stride bytes between columns
     * @param steps elements of a column, a multiple of the lanes
     * @param toStride bytes between steps
     */
    static void columns(
            MemorySegment from,
            long at,
            long stride,
            int steps,
            float[] block,
            MemorySegment to,
            long toAt,
            long toStride) {
        var code = Machine.CODE;
        if (code == null) {
            for (int k = 0; k < steps; k += LANES) {
                turn(from, at + k * 4L, stride, block, to, toAt + k * toStride, toStride);
            }
        } else {
            for (int c = 0; c < LANES; c += Transposition.WIDTH) {
                code.turn(from, at + c * stride, stride, steps, to, toAt + c * 4L, toStride);
            }
        }
    }

    /**
     * Turns columns of as many steps as a vector has lanes, into steps of one piece each.
     *
     * @param from native memory
     * @param stride bytes between columns
     * @param columns number of columns, a multiple of the lanes
     * @param to native memory or an array of floats
     * @param toStride bytes between steps
     */
    static void rows(
            MemorySegment from,
            long at,
            long stride,
            int columns,
            float[] block,
            MemorySegment to,
            long toAt,
            long toStride) {
        var code = Machine.CODE;
        if (code == null) {
            for (int c = 0; c < columns; c += LANES) {
                turn(from, at + c * stride, stride, block, to, toAt + c * 4L, toStride);
            }
        } else {
            for (int k = 0; k < LANES; k += Transposition.WIDTH) {
                code.turnRows(from, at + k * 4L, stride, columns, to, toAt + k * toStride, toStride);
            }
        }
    }

    /**
     * Turns BF16 columns, each in one piece, into steps of pairs as {@link MatmulPack#pairedPanel} has them, as far as there is
     * machine code for it: the number of steps done, none if there is none.
     *
     * @param stride bytes between columns, of which there are twice as many as a vector has lanes
     */
    static int pairs(MemorySegment from, long at, long stride, int depth, MemorySegment to, long toAt) {
        var code = Machine.CODE;
        if (code == null) {
            return 0;
        }
        int whole = depth - depth % Transposition.PAIRS_STEPS;
        for (int c = 0; c < LANES; c += Transposition.PAIRS_WIDTH) {
            code.turnPairs(from, at + c * stride, stride, LANES * stride, whole, to, toAt + c * 4L, HALF_BYTES);
        }
        return whole;
    }

    /** Transposes an F32 block with rows {@code stride} bytes apart to rows {@code toStride} bytes apart. */
    static void turn(
            MemorySegment from, long at, long stride, float[] block, MemorySegment to, long toAt, long toStride) {
        for (int i = 0; i < LAST; i++) {
            var a = ints(from, at + 2 * i * stride);
            var b = ints(from, at + (2 * i + 1) * stride);
            put(FIRST.low(a, b), block, 2 * i);
            put(FIRST.high(a, b), block, 2 * i + 1);
        }
        finish(block, to, toAt, toStride, LANES);
    }

    /** Transposes a block in an array and stores the first {@code rows} rows of the result. */
    static void turn(
            float[] from, int at, int stride, float[] block, MemorySegment to, long toAt, long toStride, int rows) {
        for (int i = 0; i < LAST; i++) {
            var a = FloatVector.fromArray(SPECIES, from, at + 2 * i * stride).reinterpretAsInts();
            var b = FloatVector.fromArray(SPECIES, from, at + (2 * i + 1) * stride)
                    .reinterpretAsInts();
            put(FIRST.low(a, b), block, 2 * i);
            put(FIRST.high(a, b), block, 2 * i + 1);
        }
        finish(block, to, toAt, toStride, rows);
    }

    private static void finish(float[] block, MemorySegment to, long at, long stride, int rows) {
        if (LANES >= 8) {
            second(block);
        }
        if (LANES >= 16) {
            third(block);
        }
        last(block, to, at, stride, rows);
    }

    private static void second(float[] block) {
        for (int i = 0; i < LAST; i++) {
            int r = 2 * (i & ~1) + (i & 1);
            var a = row(block, r);
            var b = row(block, r + 2);
            put(SECOND.low(a, b), block, r);
            put(SECOND.high(a, b), block, r + 2);
        }
    }

    private static void third(float[] block) {
        for (int i = 0; i < LAST; i++) {
            int r = 2 * (i & ~3) + (i & 3);
            var a = row(block, r);
            var b = row(block, r + 4);
            put(THIRD.low(a, b), block, r);
            put(THIRD.high(a, b), block, r + 4);
        }
    }

    private static void last(float[] block, MemorySegment to, long at, long stride, int rows) {
        for (int r = 0; r < LAST; r++) {
            var a = row(block, r);
            var b = row(block, r + LAST);
            if (r < rows) {
                LAST_STAGE.low(a, b).intoMemorySegment(to, at + r * stride, ORDER);
            }
            if (r + LAST < rows) {
                LAST_STAGE.high(a, b).intoMemorySegment(to, at + (r + LAST) * stride, ORDER);
            }
        }
    }

    private static IntVector ints(MemorySegment from, long at) {
        return IntVector.fromMemorySegment(Lanes.I32, from, at, ORDER);
    }

    private static IntVector row(float[] block, int row) {
        return FloatVector.fromArray(SPECIES, block, row * LANES).reinterpretAsInts();
    }

    private static void put(IntVector values, float[] block, int row) {
        values.reinterpretAsFloats().intoArray(block, row * LANES);
    }
}
