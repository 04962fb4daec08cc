package io.coda4j.nn.schedule;

/**
 * A learning rate as a function of the step, so that a resumed run needs nothing but its step number.
 *
 * <p>Every schedule rises linearly from 0 at step 0 to {@code peak} at step {@code warmup}. The decay that follows has the
 * same values as the schedule of the same name in common training libraries.
 */
public sealed interface Schedule {

    /** The rate at the end of the warm-up, and the greatest. */
    double peak();

    /** Steps of the warm-up. */
    long warmup();

    /** The rate at {@code step}, which is not before the end of the warm-up, as a fraction of the peak. */
    double factor(long step);

    /** The rate used by the update number {@code step}, counted from 0. */
    default double at(long step) {
        requireNotNegative("step", step);
        return peak() * (step < warmup() ? (double) step / warmup() : factor(step));
    }

    /** Peak held for ever after the warm-up. */
    record ConstantWithWarmup(double peak, long warmup) implements Schedule {
        public ConstantWithWarmup {
            requirePeak(peak);
            requireNotNegative("warmup", warmup);
        }

        @Override
        public double factor(long step) {
            return 1.0;
        }
    }

    /**
     * Straight line from the peak at {@code warmup} to {@code floor * peak} at {@code total}; the floor is held after that.
     *
     * @param floor fraction of the peak in [0, 1]; 0 is the usual linear schedule
     */
    record Linear(double peak, long warmup, long total, double floor) implements Schedule {
        public Linear {
            requirePeak(peak);
            requireSpan(warmup, total);
            requireFloor(floor);
        }

        public Linear(double peak, long warmup, long total) {
            this(peak, warmup, total, 0.0);
        }

        @Override
        public double factor(long step) {
            return toFloor(floor, untilEnd(step, total - warmup, total));
        }
    }

    /**
     * Half a cosine from the peak at {@code warmup} to {@code floor * peak} at {@code total}; the floor is held after that.
     *
     * @param floor fraction of the peak in [0, 1]; 0 is the usual cosine schedule
     */
    record Cosine(double peak, long warmup, long total, double floor) implements Schedule {
        public Cosine {
            requirePeak(peak);
            requireSpan(warmup, total);
            requireFloor(floor);
        }

        public Cosine(double peak, long warmup, long total) {
            this(peak, warmup, total, 0.0);
        }

        @Override
        public double factor(long step) {
            double progress = Math.min(1.0, (double) (step - warmup) / Math.max(1, total - warmup));
            double cosine = Math.max(0.0, 0.5 * (1.0 + Math.cos(Math.PI * progress)));
            return toFloor(floor, cosine);
        }
    }

    /** Peak held from {@code warmup} to {@code total - decay}, then a straight line to {@code floor * peak} at {@code total}. */
    record WarmupStableDecay(double peak, long warmup, long decay, long total, double floor) implements Schedule {
        public WarmupStableDecay {
            requirePeak(peak);
            requireNotNegative("decay", decay);
            requireSpan(warmup, total - decay);
            requireFloor(floor);
        }

        @Override
        public double factor(long step) {
            return step < total - decay ? 1.0 : toFloor(floor, untilEnd(step, decay, total));
        }
    }

    /** What is left of the {@code span} steps before {@code end}: 1 at their first, 0 from {@code end} on. */
    private static double untilEnd(long step, long span, long end) {
        return Math.max(0.0, (double) (end - step) / Math.max(1, span));
    }

    /** From 1 down to {@code floor} as {@code left} falls from 1 to 0. */
    private static double toFloor(double floor, double left) {
        return floor + (1.0 - floor) * left;
    }

    private static void requirePeak(double peak) {
        if (!(peak >= 0.0) || peak == Double.POSITIVE_INFINITY) {
            throw new IllegalArgumentException("peak learning rate must be finite and not negative, got " + peak);
        }
    }

    private static void requireNotNegative(String name, long value) {
        if (value < 0) {
            throw new IllegalArgumentException(name + " must not be negative, got " + value);
        }
    }

    private static void requireSpan(long warmup, long end) {
        requireNotNegative("warmup", warmup);
        if (end < warmup) {
            throw new IllegalArgumentException("the decay would start at step " + warmup + " after its end at step "
                    + end + "; lower warmup (and decay) or raise total");
        }
    }

    private static void requireFloor(double floor) {
        if (!(floor >= 0.0 && floor <= 1.0)) {
            throw new IllegalArgumentException("floor is a fraction of the peak in [0, 1], got " + floor);
        }
    }
}
