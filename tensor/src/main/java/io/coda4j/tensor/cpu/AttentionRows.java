package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.LANES;
import static io.coda4j.tensor.cpu.MicroKernel.MR;
import static io.coda4j.tensor.cpu.MicroKernel.NR;
import static io.coda4j.tensor.cpu.MicroKernel.ROW;
import static io.coda4j.tensor.cpu.MicroKernel.SPECIES;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Loops over rows of scores and of sums, all in arrays of the thread; {@code lanes} is room for a vector that is taken
 * apart.
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

    /** Adds the first {@code rows} rows of a tile to rows at distance {@code stride}. */
    static void add(float[] tile, int rows, float[] to, int at, int stride) {
        for (int r = 0; r < rows; r++) {
            int i = at + r * stride;
            FloatVector.fromArray(SPECIES, to, i)
                    .add(FloatVector.fromArray(SPECIES, tile, r * NR))
                    .intoArray(to, i);
            FloatVector.fromArray(SPECIES, to, i + LANES)
                    .add(FloatVector.fromArray(SPECIES, tile, r * NR + LANES))
                    .intoArray(to, i + LANES);
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

    /** Replaces slopes by {@code probability * (slope - delta) * scale}, in whole vectors. */
    static void slopes(float[] probabilities, float[] slopes, int at, int count, float delta, float scale) {
        for (int i = 0; i < count; i += LANES) {
            FloatVector.fromArray(SPECIES, slopes, at + i)
                    .sub(delta)
                    .mul(FloatVector.fromArray(SPECIES, probabilities, at + i))
                    .mul(scale)
                    .intoArray(slopes, at + i);
        }
    }

    /** Multiplies a row, in whole vectors. */
    static void multiply(float[] row, int at, int count, float factor) {
        for (int i = 0; i < count; i += LANES) {
            FloatVector.fromArray(SPECIES, row, at + i).mul(factor).intoArray(row, at + i);
        }
    }

    /** The sum of {@code count} products of elements of two rows. */
    static float dot(float[] a, int at, float[] b, int bt, int count, float[] lanes) {
        var sum = FloatVector.zero(SPECIES);
        for (int i = 0; i < count; i += LANES) {
            var mask = Lanes.tail(i, count);
            sum = FloatVector.fromArray(SPECIES, a, at + i, mask)
                    .fma(FloatVector.fromArray(SPECIES, b, bt + i, mask), sum);
        }
        sum.intoArray(lanes, 0);
        return LaneSum.of(lanes, 0);
    }

    /**
     * Writes {@code count} elements to a native F32 or BF16 row. Only its end is written through a mask: that store has a way for
     * the end of the memory, which boxes the vector wherever the compiler has no profile that rules it out.
     */
    static void write(boolean narrow, float[] row, int at, int count, MemorySegment to, long offset) {
        int whole = SPECIES.loopBound(count);
        for (int i = 0; i < whole; i += LANES) {
            var value = FloatVector.fromArray(SPECIES, row, at + i);
            if (narrow) {
                Lanes.storeBf16(value, to, offset + i * 2L);
            } else {
                Lanes.store(value, to, offset + i * 4L);
            }
        }
        if (whole < count) {
            var value = FloatVector.fromArray(SPECIES, row, at + whole);
            var tail = Lanes.tail(whole, count);
            if (narrow) {
                Lanes.storeBf16(value, to, offset + whole * 2L, tail);
            } else {
                Lanes.store(value, to, offset + whole * 4L, tail);
            }
        }
    }
}
