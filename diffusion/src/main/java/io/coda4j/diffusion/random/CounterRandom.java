package io.coda4j.diffusion.random;

import java.util.Objects;

/**
 * Random numbers addressed by (seed, purpose, step, row, position).
 *
 * <p>There is no state: the same address gives the same number on every machine, whatever the batch size, the thread or the
 * order of calls. Numbers at different addresses are independent for all practical purposes (Philox4x32-10). Reading
 * one address as a float, a double, an int and a normal number gives four independent numbers.
 *
 * @param seed of the run
 */
public record CounterRandom(long seed) {
    private static final int FLOATS = 0;
    private static final int DOUBLES = 1 << 8;
    private static final int INTEGERS = 2 << 8;
    private static final int NORMALS = 3 << 8;

    /** A number in [0, 1) with 24 random bits. */
    public float uniform(Purpose purpose, int step, int row, int position) {
        var words = words(purpose.code() | FLOATS, step, row, position >>> 2);
        return toFloat(words[position & 3]);
    }

    /** Fills {@code out[offset..offset+count)} with {@code uniform(purpose, step, row, 0..count-1)}. */
    public void fillUniform(Purpose purpose, int step, int row, float[] out, int offset, int count) {
        Objects.checkFromIndexSize(offset, count, out.length);
        var words = new int[4];
        for (int position = 0; position < count; position++) {
            if ((position & 3) == 0) {
                block(purpose.code() | FLOATS, step, row, position >>> 2, words);
            }
            out[offset + position] = toFloat(words[position & 3]);
        }
    }

    /** A number in (0, 1) with 52 random bits; never 0 or 1, so that its logarithm is finite. */
    public double uniformDouble(Purpose purpose, int step, int row, int position) {
        return ((word64(purpose.code() | DOUBLES, step, row, position) >>> 12) + 0.5) * 0x1p-52;
    }

    /**
     * An integer in {@code [low, highExclusive)}; the probability of each value is off by less than 2^-32.
     *
     * @throws IllegalArgumentException if the range is empty
     */
    public int uniformInt(Purpose purpose, int step, int row, int position, int low, int highExclusive) {
        if (low >= highExclusive) {
            throw new IllegalArgumentException(
                    "no integer in [" + low + ", " + highExclusive + ") to draw for " + purpose);
        }
        long range = (long) highExclusive - low;
        long word = word64(purpose.code() | INTEGERS, step, row, position);
        return (int) (low + Math.unsignedMultiplyHigh(word, range));
    }

    /**
     * Fills {@code out[offset..offset+count)} with standard normal numbers addressed by position {@code 0..count-1}: the
     * transform of Box and Muller (1958) on 32-bit uniform numbers, so none is beyond 6.8.
     */
    public void fillNormal(Purpose purpose, int step, int row, float[] out, int offset, int count) {
        Objects.checkFromIndexSize(offset, count, out.length);
        var words = new int[4];
        for (int position = 0; position < count; position += 2) {
            if ((position & 3) == 0) {
                block(purpose.code() | NORMALS, step, row, position >>> 2, words);
            }
            // StrictMath, whose results are the same on every machine.
            double radius = StrictMath.sqrt(-2 * StrictMath.log(toOpenInterval(words[position & 3])));
            double angle = 2 * Math.PI * toOpenInterval(words[(position & 3) + 1]);
            out[offset + position] = (float) (radius * StrictMath.cos(angle));
            if (position + 1 < count) {
                out[offset + position + 1] = (float) (radius * StrictMath.sin(angle));
            }
        }
    }

    private static double toOpenInterval(int word) {
        return ((word & 0xFFFF_FFFFL) + 0.5) * 0x1p-32;
    }

    private long word64(int stream, int step, int row, int position) {
        var words = words(stream, step, row, position >>> 1);
        int lane = (position & 1) * 2;
        return ((long) words[lane] << 32) | (words[lane + 1] & 0xFFFF_FFFFL);
    }

    private int[] words(int stream, int step, int row, int block) {
        var words = new int[4];
        block(stream, step, row, block, words);
        return words;
    }

    private void block(int stream, int step, int row, int block, int[] words) {
        Philox.block(block, row, step, stream, (int) seed, (int) (seed >>> 32), words);
    }

    private static float toFloat(int word) {
        return (word >>> 8) * 0x1p-24f;
    }
}
