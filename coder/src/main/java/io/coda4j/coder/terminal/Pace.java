package io.coda4j.coder.terminal;

import java.time.Duration;
import java.util.Optional;
import java.util.function.LongSupplier;

/** Steps over time: how much of a budget is used and how long the rest will take. */
final class Pace {
    private final Budget budget;
    private final long firstStep;
    private final Duration usedBefore;
    private final LongSupplier nanoTime;
    private final long startNanos;

    Pace(Budget budget, long firstStep, Duration usedBefore, LongSupplier nanoTime) {
        this.budget = budget;
        this.firstStep = firstStep;
        this.usedBefore = usedBefore;
        this.nanoTime = nanoTime;
        this.startNanos = nanoTime.getAsLong();
    }

    Budget budget() {
        return budget;
    }

    long firstStep() {
        return firstStep;
    }

    /** The time that earlier runs used. */
    Duration usedBefore() {
        return usedBefore;
    }

    /** The time that earlier runs used, and all that has passed in this one, whether the budget pays for it or not. */
    Duration elapsed() {
        return usedBefore.plusNanos(nanoTime.getAsLong() - startNanos);
    }

    double fraction(long step, Duration used) {
        return budget.fraction(step, used);
    }

    /** The time left at the mean pace of this run; steps of an earlier run, perhaps on another machine, do not count. */
    Optional<Duration> remaining(long step, Duration used) {
        double passed = seconds(elapsed().minus(usedBefore));
        if (!(passed > 0)) {
            return Optional.empty();
        }
        return budget.remaining(step, used, (step - firstStep) / passed, seconds(used.minus(usedBefore)) / passed);
    }

    private static double seconds(Duration duration) {
        return duration.toNanos() / 1e9;
    }
}
