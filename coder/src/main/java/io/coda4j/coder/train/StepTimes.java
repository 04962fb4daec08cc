package io.coda4j.coder.train;

import java.util.Arrays;

/** How long a step takes: the fastest of the last ones, because single ones wait for compilers and for other programs. */
final class StepTimes {
    private static final int KEPT = 32;

    private final double[] millis = new double[KEPT];
    private int count;

    /** Adds the duration of a step. */
    void add(double duration) {
        millis[count++ % KEPT] = duration;
    }

    /** Milliseconds of a step; 0 before the first. */
    double current() {
        return Arrays.stream(millis, 0, Math.min(count, KEPT)).min().orElse(0);
    }
}
