package io.coda4j.bench.peers;

import java.util.SplittableRandom;

/** Operands that depend on nothing but their seed, so that engines can be compared by their results. */
final class Operands {
    /** Elements of a result that are compared. */
    static final int SAMPLE = 16;

    private Operands() {}

    /** Uniform in [-1, 1). */
    static float[] uniform(long seed, int count) {
        var random = new SplittableRandom(seed);
        var values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (random.nextInt() >> 8) * 0x1p-23f;
        }
        return values;
    }

    /** Uniform in [0, bound). */
    static int[] indices(long seed, int count, int bound) {
        return new SplittableRandom(seed).ints(count, 0, bound).toArray();
    }

    /** Ids as floats, exactly: they are below 2^24. */
    static float[] floats(int[] ids) {
        var values = new float[ids.length];
        for (int i = 0; i < ids.length; i++) {
            values[i] = ids[i];
        }
        return values;
    }
}
