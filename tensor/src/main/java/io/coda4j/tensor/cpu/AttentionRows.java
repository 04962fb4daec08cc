package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.LANES;
import static io.coda4j.tensor.cpu.MicroKernel.MR;
import static io.coda4j.tensor.cpu.MicroKernel.NR;
import static io.coda4j.tensor.cpu.MicroKernel.ROW;
import static io.coda4j.tensor.cpu.MicroKernel.SPECIES;

import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Loops over rows of scores, which are in arrays of the thread, and of sums, which are in native memory; {@code lanes} is room for a
 * vector that is taken apart.
 */
final class AttentionRows {
    private AttentionRows() {}

    /** Stores a tile times {@code scale} into rows at distance ROW. */
    static void scaled(float[] tile, float scale, float[] to, int at) {
        for (int r = 0; r < MR; r++) {
            FloatVector.fromArray(SPECIES, tile, r * NR).mul(scale).intoArray(to, at + r * ROW);
            FloatVector.fromArray(SPECIES, tile, r * NR + LANES).mul(scale).intoArray(to, at + r * ROW + LANES);
        }
    }

    /** Makes the scores from {@code seen} to the next whole vector after {@code count} invisible. */
    static void hide(float[] scores, int at, int seen, int count) {
        Arrays.fill(scores, at + seen, at + MatmulBlocks.roundUp(count, LANES), Float.NEGATIVE_INFINITY);
    }

    /** Makes the scores of keys of other segments invisible; scores have room for whole vectors. */
    static void hideOthers(float[] scores, int at, int count, int[] segments, int first, int own) {
        for (int i = 0; i < count; i += LANES) {
            var mask = Lanes.I32.indexInRange(first + i, segments.length);
            var other = IntVector.fromArray(Lanes.I32, segments, first + i, mask)
                    .compare(VectorOperators.NE, own)
                    .cast(SPECIES);
            FloatVector.fromArray(SPECIES, scores, at + i)
                    .blend(Float.NEGATIVE_INFINITY, other)
                    .intoArray(scores, at + i);
        }
    }

    /** The greatest of {@code count} scores, read in whole vectors; NaN is passed over. */
    static float max(float[] scores, int at, int count, float[] lanes) {
        var max = FloatVector.broadcast(SPECIES, Float.NEGATIVE_INFINITY);
        for (int i = 0; i < count; i += LANES) {
            max = Lanes.greater(FloatVector.fromArray(SPECIES, scores, at + i), max);
        }
        max.intoArray(lanes, 0);
        float greatest = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < LANES; i++) {
            greatest = lanes[i] > greatest ? lanes[i] : greatest;
        }
        return greatest;
    }

    /** Replaces scores by {@code exp(score - base)}, in whole vectors, and returns their sum. */
    static float exponentials(float[] scores, int at, int count, float base, float[] lanes) {
        var sum = FloatVector.zero(SPECIES);
        for (int i = 0; i < count; i += LANES) {
            var e = VectorMath.exp(
                    FloatVector.fromArray(SPECIES, scores, at + i).sub(base));
            e.intoArray(scores, at + i);
            sum = sum.add(e);
        }
        sum.intoArray(lanes, 0);
        return LaneSum.of(lanes, 0);
    }

    /**
     * Replaces scores by probabilities {@code exp(score - base)}, and slopes by {@code probability * (slope - delta) * scale}, in
     * whole vectors.
     */
    static void gradients(float[] scores, float[] slopes, int at, int count, float base, float delta, float scale) {
        for (int i = 0; i < count; i += LANES) {
            var probability = VectorMath.exp(
                    FloatVector.fromArray(SPECIES, scores, at + i).sub(base));
            probability.intoArray(scores, at + i);
            FloatVector.fromArray(SPECIES, slopes, at + i)
                    .sub(delta)
                    .mul(probability)
                    .mul(scale)
                    .intoArray(slopes, at + i);
        }
    }

    // Rows of sums are addresses within operands whose sizes were checked, see Lanes.ALL.

    /** Makes {@code count} elements of a row zeros. */
    static void clear(long row, int count) {
        for (int i = 0; i < count; i++) {
            Lanes.ALL.set(ValueLayout.JAVA_FLOAT_UNALIGNED, row + i * 4L, 0);
        }
    }

    /** Multiplies {@code count} elements of a row. */
    static void multiply(long row, int count, float factor) {
        int whole = SPECIES.loopBound(count);
        for (int i = 0; i < whole; i += LANES) {
            Lanes.store(Lanes.load(row + i * 4L).mul(factor), row + i * 4L);
        }
        if (whole < count) {
            long end = row + whole * 4L;
            var tail = Lanes.tail(whole, count);
            Lanes.store(Lanes.load(Lanes.ALL, end, tail).mul(factor), Lanes.ALL, end, tail);
        }
    }

    /** The sum of {@code count} products of elements of two F32 rows. */
    static float dot(long a, long b, int count, float[] lanes) {
        var sum = FloatVector.zero(SPECIES);
        int whole = SPECIES.loopBound(count);
        for (int i = 0; i < whole; i += LANES) {
            sum = Lanes.load(a + i * 4L).fma(Lanes.load(b + i * 4L), sum);
        }
        if (whole < count) {
            var tail = Lanes.tail(whole, count);
            sum = Lanes.load(Lanes.ALL, a + whole * 4L, tail).fma(Lanes.load(Lanes.ALL, b + whole * 4L, tail), sum);
        }
        sum.intoArray(lanes, 0);
        return LaneSum.of(lanes, 0);
    }

    /** As {@link #dot}, of BF16 rows. */
    static float dotBf16(long a, long b, int count, float[] lanes) {
        var sum = FloatVector.zero(SPECIES);
        int whole = SPECIES.loopBound(count);
        for (int i = 0; i < whole; i += LANES) {
            sum = Lanes.loadBf16(Lanes.ALL, a + i * 2L).fma(Lanes.loadBf16(Lanes.ALL, b + i * 2L), sum);
        }
        if (whole < count) {
            var tail = Lanes.tail(whole, count);
            sum = Lanes.loadBf16(Lanes.ALL, a + whole * 2L, tail)
                    .fma(Lanes.loadBf16(Lanes.ALL, b + whole * 2L, tail), sum);
        }
        sum.intoArray(lanes, 0);
        return LaneSum.of(lanes, 0);
    }

    /** Writes {@code count} elements of an F32 row to a BF16 row. */
    static void round(long row, int count, long to) {
        int whole = SPECIES.loopBound(count);
        for (int i = 0; i < whole; i += LANES) {
            Lanes.storeBf16(Lanes.load(row + i * 4L), Lanes.ALL, to + i * 2L);
        }
        if (whole < count) {
            var tail = Lanes.tail(whole, count);
            Lanes.storeBf16(Lanes.load(Lanes.ALL, row + whole * 4L, tail), Lanes.ALL, to + whole * 2L, tail);
        }
    }
}
