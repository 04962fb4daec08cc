package io.coda4j.coder.terminal;

import java.time.Duration;
import java.util.Comparator;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What ends a piece of work: a number of steps, a time, or whichever is reached first. Not all time that passes need be
 * paid for by a budget of time, so that this says everywhere how much of it is used.
 */
public sealed interface Budget {
    /** The share of the budget that is used, in [0, 1]. */
    double fraction(long step, Duration used);

    /**
     * The time that will pass until the end, or empty while the pace is unknown.
     *
     * @param used the time that the budget has paid for
     * @param stepsPerSecond that passes; 0 if unknown
     * @param usedPerSecond seconds that the budget pays for in a second that passes; 0 if unknown
     */
    Optional<Duration> remaining(long step, Duration used, double stepsPerSecond, double usedPerSecond);

    /**
     * Ends at a step.
     *
     * @param total the last step, at least 1
     */
    record Steps(long total) implements Budget {
        public Steps {
            if (total < 1) {
                throw new IllegalArgumentException("a budget needs at least one step, got " + total);
            }
        }

        @Override
        public double fraction(long step, Duration used) {
            return Math.clamp((double) step / total, 0, 1);
        }

        @Override
        public Optional<Duration> remaining(long step, Duration used, double stepsPerSecond, double usedPerSecond) {
            if (!(stepsPerSecond > 0)) {
                return Optional.empty();
            }
            return Optional.of(Duration.ofMillis((long) (Math.max(0, total - step) / stepsPerSecond * 1000)));
        }
    }

    /**
     * Ends when a time is used.
     *
     * @param total the time, more than zero
     */
    record Time(Duration total) implements Budget {
        public Time {
            if (!total.isPositive()) {
                throw new IllegalArgumentException("a budget needs a positive time, got " + total);
            }
        }

        @Override
        public double fraction(long step, Duration used) {
            return Math.clamp((double) used.toMillis() / Math.max(1, total.toMillis()), 0, 1);
        }

        @Override
        public Optional<Duration> remaining(long step, Duration used, double stepsPerSecond, double usedPerSecond) {
            if (!(usedPerSecond > 0)) {
                return Optional.empty();
            }
            long left = Math.max(0, total.minus(used).toMillis());
            return Optional.of(Duration.ofMillis((long) (left / usedPerSecond)));
        }
    }

    /**
     * Ends at a step or when a time is used, whichever comes first.
     *
     * @param steps the budget of steps
     * @param time the budget of time
     */
    record Earlier(Steps steps, Time time) implements Budget {
        @Override
        public double fraction(long step, Duration used) {
            return Math.max(steps.fraction(step, used), time.fraction(step, used));
        }

        @Override
        public Optional<Duration> remaining(long step, Duration used, double stepsPerSecond, double usedPerSecond) {
            return Stream.of(steps, time)
                    .map(budget -> budget.remaining(step, used, stepsPerSecond, usedPerSecond))
                    .flatMap(Optional::stream)
                    .min(Comparator.naturalOrder());
        }
    }
}
