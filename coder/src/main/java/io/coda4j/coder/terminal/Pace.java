package io.coda4j.coder.terminal;

import java.time.Duration;
import java.util.Optional;
import java.util.function.LongSupplier;

/** Steps over time: how much of a budget is used and how long the rest will take. */
final class Pace {
    private final Budget budget;
    private final long firstStep;
    private final Duration elapsedBefore;
    private final LongSupplier nanoTime;
    private final long startNanos;

    Pace(Budget budget, long firstStep, Duration elapsedBefore, LongSupplier nanoTime) {
        this.budget = budget;
        this.firstStep = firstStep;
        this.elapsedBefore = elapsedBefore;
        this.nanoTime = nanoTime;
        this.startNanos = nanoTime.getAsLong();
    }

    Budget budget() {
        return budget;
    }

    long firstStep() {
        return firstStep;
    }

    Duration elapsedBefore() {
        return elapsedBefore;
    }

    Duration elapsed() {
        return elapsedBefore.plusNanos(nanoTime.getAsLong() - startNanos);
    }

    double fraction(long step) {
        return budget.fraction(step, elapsed());
    }

    /** The time left at the mean pace of this run; steps of an earlier run, perhaps on another machine, do not count. */
    Optional<Duration> remaining(long step) {
        var elapsed = elapsed();
        double seconds = elapsed.minus(elapsedBefore).toNanos() / 1e9;
        return budget.remaining(step, elapsed, seconds > 0 ? (step - firstStep) / seconds : 0);
    }
}
