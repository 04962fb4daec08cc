package io.coda4j.coder.train;

/** How long a run lasts; the learning rate follows the part of it that is used up. */
public sealed interface Budget {
    /** The end, in the budget's own units. */
    long total();

    /** Where a run stands after {@code step} steps and {@code millis} of training. */
    long position(long step, long millis);

    /** Whether the run ends here. */
    default boolean isUsedUp(long step, long millis) {
        return position(step, millis) >= total();
    }

    /** A number of steps: the run is reproducible bit for bit. */
    record Steps(long total) implements Budget {
        /** A checked budget. */
        public Steps {
            if (total < 1) {
                throw new IllegalArgumentException("budget: steps must be positive, got " + total);
            }
        }

        @Override
        public long position(long step, long millis) {
            return step;
        }
    }

    /** A time in milliseconds: what the machine can do in it, so the learning rate depends on its speed. */
    record Time(long total) implements Budget {
        /** A checked budget. */
        public Time {
            if (total < 1) {
                throw new IllegalArgumentException("budget: minutes must be positive, got " + total / 60_000.0);
            }
        }

        @Override
        public long position(long step, long millis) {
            return millis;
        }
    }
}
