package io.coda4j.coder.terminal;

import java.time.Duration;
import java.util.Optional;

/** What ends a piece of work: a number of steps, a time, or whichever is reached first. */
public sealed interface Budget {
    /** The share of the budget that is used, in [0, 1]. */
    double fraction(long step, Duration elapsed);

    /** The time left, or empty while the pace is unknown. */
    Optional<Duration> remaining(long step, Duration elapsed, double stepsPerSecond);

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
        public double fraction(long step, Duration elapsed) {
            return Math.clamp((double) step / total, 0, 1);
        }

        @Override
        public Optional<Duration> remaining(long step, Duration elapsed, double stepsPerSecond) {
            if (!(stepsPerSecond > 0)) {
                return Optional.empty();
            }
            return Optional.of(Duration.ofMillis((long) (Math.max(0, total - step) / stepsPerSecond * 1000)));
        }
    }

    /**
     * Ends when a time has passed.
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
        public double fraction(long step, Duration elapsed) {
            return Math.clamp((double) elapsed.toMillis() / Math.max(1, total.toMillis()), 0, 1);
        }

        @Override
        public Optional<Duration> remaining(long step, Duration elapsed, double stepsPerSecond) {
            var left = total.minus(elapsed);
            return Optional.of(left.isNegative() ? Duration.ZERO : left);
        }
    }

    /**
     * Ends at a step or when a time has passed, whichever comes first.
     *
     * @param steps the budget of steps
     * @param time the budget of time
     */
    record Earlier(Steps steps, Time time) implements Budget {
        @Override
        public double fraction(long step, Duration elapsed) {
            return Math.max(steps.fraction(step, elapsed), time.fraction(step, elapsed));
        }

        @Override
        public Optional<Duration> remaining(long step, Duration elapsed, double stepsPerSecond) {
            var byTime = time.remaining(step, elapsed, stepsPerSecond);
            var bySteps = steps.remaining(step, elapsed, stepsPerSecond);
            return bySteps.isPresent() && bySteps.get().compareTo(byTime.orElseThrow()) < 0 ? bySteps : byTime;
        }
    }
}
