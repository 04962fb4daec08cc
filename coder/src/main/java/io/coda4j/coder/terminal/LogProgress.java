package io.coda4j.coder.terminal;

import io.coda4j.coder.metrics.Quantity;
import java.io.PrintStream;
import java.time.Duration;
import java.util.Locale;

/** Progress as plain lines: one when ten seconds or five percent have passed since the last, and one at the end. */
final class LogProgress implements Progress {
    private static final Duration INTERVAL = Duration.ofSeconds(10);
    private static final double SHARE = 0.05;

    private final PrintStream out;
    private final String task;
    private final Pace pace;
    private Duration printedAt;
    private double printedFraction;
    private long printedStep;
    private long step;
    private Duration used;
    private String message = "";

    LogProgress(PrintStream out, String task, Pace pace) {
        this.out = out;
        this.task = task;
        this.pace = pace;
        this.step = pace.firstStep();
        this.used = pace.usedBefore();
        this.printedStep = step;
        this.printedAt = pace.elapsed();
        this.printedFraction = pace.fraction(step, used);
    }

    @Override
    public void update(long step, String message) {
        update(step, pace.elapsed(), message);
    }

    @Override
    public synchronized void update(long step, Duration used, String message) {
        this.step = step;
        this.used = used;
        this.message = message;
        boolean late = pace.elapsed().minus(printedAt).compareTo(INTERVAL) >= 0;
        // The tolerance keeps 0.05 + 0.05 from missing 0.1.
        if (late || pace.fraction(step, used) - printedFraction >= SHARE - 1e-9) {
            print();
        }
    }

    @Override
    public synchronized void println(String line) {
        out.println(line);
        out.flush();
    }

    @Override
    public synchronized void close() {
        if (step != printedStep) {
            print();
        }
    }

    private void print() {
        printedAt = pace.elapsed();
        printedFraction = pace.fraction(step, used);
        printedStep = step;
        var left = printedFraction >= 1
                ? ""
                : pace.remaining(step, used)
                        .map(time -> ", " + Quantity.duration(time) + " left")
                        .orElse("");
        println(String.format(
                Locale.ROOT,
                "%s %3.0f %%  step %d%s  %s  (%s%s)",
                task,
                100 * printedFraction,
                step,
                total(),
                message,
                Quantity.duration(printedAt),
                left));
    }

    private String total() {
        return switch (pace.budget()) {
            case Budget.Steps(long total) -> "/" + total;
            case Budget.Time _ -> "";
            case Budget.Earlier(Budget.Steps steps, Budget.Time _) -> "/" + steps.total();
        };
    }
}
