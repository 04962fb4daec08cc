package io.coda4j.coder.train;

/** How long a run lasts; the learning rate follows the part of its steps that is done. */
public sealed interface Budget {
    /** The end, in the budget's own units. */
    long total();

    /**
     * Where a run stands, in units of {@link #total}.
     *
     * @param step steps done
     * @param millis time spent on training
     * @param stepMillis what a step takes now
     */
    long position(long step, long millis, double stepMillis);

    /** Whether the run ends here. */
    boolean isUsedUp(long step, long millis);

    /** A number of steps: the run is reproducible bit for bit. */
    record Steps(long total) implements Budget {
        /** A checked budget. */
        public Steps {
            if (total < 1) {
                throw new IllegalArgumentException("budget: steps must be positive, got " + total);
            }
        }

        @Override
        public long position(long step, long millis, double stepMillis) {
            return step;
        }

        @Override
        public boolean isUsedUp(long step, long millis) {
            return step >= total;
        }
    }

    /**
     * A time in milliseconds: what the machine can do in it. The position is the part of the steps that is done, of those
     * that will fit at the present speed; going by the clock, a run would spend the high learning rates of its beginning on
     * the few steps that it takes while its kernels are still being compiled.
     */
    record Time(long total) implements Budget {
        /** A checked budget. */
        public Time {
            if (total < 1) {
                throw new IllegalArgumentException("budget: minutes must be positive, got " + total / 60_000.0);
            }
        }

        @Override
        public long position(long step, long millis, double stepMillis) {
            double left = Math.max(0, total - millis) / Math.max(stepMillis, 1e-3);
            return step == 0 ? 0 : Math.round(total * (step / (step + left)));
        }

        @Override
        public boolean isUsedUp(long step, long millis) {
            return millis >= total;
        }
    }
}
