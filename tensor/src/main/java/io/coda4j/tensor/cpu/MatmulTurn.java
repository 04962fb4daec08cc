package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.LANES;
import static io.coda4j.tensor.cpu.MicroKernel.ORDER;
import static io.coda4j.tensor.cpu.MicroKernel.SPECIES;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

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
    private static final IntVector LOW_1 = low(1);
    private static final IntVector HIGH_1 = high(1);
    private static final IntVector LOW_2 = low(2);
    private static final IntVector HIGH_2 = high(2);
    private static final IntVector LOW_4 = low(4);
    private static final IntVector HIGH_4 = high(4);
    private static final IntVector LOW_LAST = low(LAST);
    private static final IntVector HIGH_LAST = high(LAST);

    private MatmulTurn() {}

    /** Where the lanes of row r come from: its own, and from row r + s those whose number has not bit s. */
    private static IntVector low(int s) {
        return select(lane -> (lane & s) == 0 ? lane : LANES + lane - s);
    }

    /** Where the lanes of row r + s come from. */
    private static IntVector high(int s) {
        return select(lane -> (lane & s) == 0 ? (lane + s) % LANES : LANES + lane);
    }

    private static IntVector select(java.util.function.IntUnaryOperator source) {
        int[] lanes = new int[LANES];
        java.util.Arrays.setAll(lanes, source);
        return IntVector.fromArray(Lanes.I32, lanes, 0);
    }

    /** Transposes a native F32 block with rows {@code stride} bytes apart to rows {@code toStride} bytes apart. */
    static void turn(
            MemorySegment from, long at, long stride, float[] block, MemorySegment to, long toAt, long toStride) {
        for (int i = 0; i < LAST; i++) {
            var a = ints(from, at + 2 * i * stride);
            var b = ints(from, at + (2 * i + 1) * stride);
            put(LOW_1.selectFrom(a, b), block, 2 * i);
            put(HIGH_1.selectFrom(a, b), block, 2 * i + 1);
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
            put(LOW_1.selectFrom(a, b), block, 2 * i);
            put(HIGH_1.selectFrom(a, b), block, 2 * i + 1);
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
            put(LOW_2.selectFrom(a, b), block, r);
            put(HIGH_2.selectFrom(a, b), block, r + 2);
        }
    }

    private static void third(float[] block) {
        for (int i = 0; i < LAST; i++) {
            int r = 2 * (i & ~3) + (i & 3);
            var a = row(block, r);
            var b = row(block, r + 4);
            put(LOW_4.selectFrom(a, b), block, r);
            put(HIGH_4.selectFrom(a, b), block, r + 4);
        }
    }

    private static void last(float[] block, MemorySegment to, long at, long stride, int rows) {
        for (int r = 0; r < LAST; r++) {
            var a = row(block, r);
            var b = row(block, r + LAST);
            if (r < rows) {
                LOW_LAST.selectFrom(a, b).intoMemorySegment(to, at + r * stride, ORDER);
            }
            if (r + LAST < rows) {
                HIGH_LAST.selectFrom(a, b).intoMemorySegment(to, at + (r + LAST) * stride, ORDER);
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
