package io.coda4j.nn.schedule;

/**
 * A learning rate as a function of the step, so that a resumed run needs nothing but its step number.
 *
 * <p>Every schedule rises linearly from 0 at step 0 to {@code peak} at step {@code warmup}. The decay that follows has the
 * same values as the schedule of the same name in common training libraries.
 */
public sealed interface Schedule {

    /** The rate used by the update number {@code step}, counted from 0. */
    double at(long step);

    /** Peak held for ever after the warm-up. */
    record ConstantWithWarmup(double peak, long warmup) implements Schedule {
        public ConstantWithWarmup {
            requirePeak(peak);
            requireNotNegative("warmup", warmup);
        }

        @Override
        public double at(long step) {
            return peak * warmupFactor(requireNotNegative("step", step), warmup);
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
        public double at(long step) {
            if (requireNotNegative("step", step) < warmup) {
                return peak * warmupFactor(step, warmup);
            }
            double left = Math.max(0.0, (double) (total - step) / Math.max(1, total - warmup));
            return peak * (floor + (1.0 - floor) * left);
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
        public double at(long step) {
            if (requireNotNegative("step", step) < warmup) {
                return peak * warmupFactor(step, warmup);
            }
            double progress = Math.min(1.0, (double) (step - warmup) / Math.max(1, total - warmup));
            double cosine = Math.max(0.0, 0.5 * (1.0 + Math.cos(Math.PI * progress)));
            return peak * (floor + (1.0 - floor) * cosine);
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
        public double at(long step) {
            if (requireNotNegative("step", step) < warmup) {
                return peak * warmupFactor(step, warmup);
            }
            if (step < total - decay) {
                return peak;
            }
            double left = Math.max(0.0, (double) (total - step) / Math.max(1, decay));
            return peak * (floor + (1.0 - floor) * left);
        }
    }

    private static double warmupFactor(long step, long warmup) {
        return step < warmup ? (double) step / warmup : 1.0;
    }

    private static void requirePeak(double peak) {
        if (!(peak >= 0.0) || peak == Double.POSITIVE_INFINITY) {
            throw new IllegalArgumentException("peak learning rate must be finite and not negative, got " + peak);
        }
    }

    private static long requireNotNegative(String name, long value) {
        if (value < 0) {
            throw new IllegalArgumentException(name + " must not be negative, got " + value);
        }
        return value;
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
