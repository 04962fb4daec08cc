package io.coda4j.coder.terminal;

import java.io.PrintStream;
import java.time.Duration;
import java.util.Optional;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarConsumer;
import me.tongfei.progressbar.ProgressBarStyle;

/** Progress as a bar that is redrawn in the last line of the terminal. */
final class BarProgress implements Progress {
    private static final int REFRESH_MILLIS = 250;

    private final Pace pace;
    private final Line line;
    private final ProgressBar bar;
    private volatile long step;
    private volatile Duration used;

    BarProgress(Terminal terminal, String task, Pace pace) {
        this.pace = pace;
        this.step = pace.firstStep();
        this.used = pace.usedBefore();
        this.line = new Line(terminal);
        this.bar = new ProgressBarBuilder()
                .setTaskName(task)
                .setStyle(style(terminal))
                .setUpdateIntervalMillis(REFRESH_MILLIS)
                .setConsumer(line)
                .setEtaFunction(_ -> step == pace.firstStep() ? Optional.empty() : pace.remaining(step, used))
                .setUnit(pace.budget() instanceof Budget.Time ? " s" : "", 1)
                .setInitialMax(initialMax(pace.budget()))
                .startsFrom(position(step), pace.usedBefore())
                .build();
    }

    @Override
    public void update(long step, String message) {
        update(step, pace.elapsed(), message);
    }

    @Override
    public void update(long step, Duration used, String message) {
        this.step = step;
        this.used = used;
        if (pace.budget() instanceof Budget.Earlier) {
            // The steps that will have been done when the budget ends.
            bar.maxHint(Math.max(step, Math.round(step / Math.max(1e-9, pace.fraction(step, used)))));
        }
        bar.stepTo(position(step));
        bar.setExtraMessage(" " + message);
    }

    @Override
    public void println(String text) {
        line.println(text);
        bar.refresh();
    }

    @Override
    public void close() {
        bar.close();
    }

    private long position(long step) {
        return switch (pace.budget()) {
            case Budget.Steps _, Budget.Earlier _ -> step;
            case Budget.Time(var total) -> Math.min(total.toSeconds(), used.toSeconds());
        };
    }

    private static long initialMax(Budget budget) {
        return switch (budget) {
            case Budget.Steps(long total) -> total;
            case Budget.Time(var total) -> total.toSeconds();
            case Budget.Earlier(Budget.Steps steps, Budget.Time _) -> steps.total();
        };
    }

    private static ProgressBarStyle style(Terminal terminal) {
        if (!terminal.canShow('█')) {
            return ProgressBarStyle.ASCII;
        }
        return terminal.colors() == ColorDepth.NONE
                ? ProgressBarStyle.UNICODE_BLOCK
                : ProgressBarStyle.COLORFUL_UNICODE_BLOCK;
    }

    /** The last line of the terminal. The library's own consumer would open a second handle on the terminal. */
    private static final class Line implements ProgressBarConsumer {
        private final Terminal terminal;
        private final PrintStream out;

        Line(Terminal terminal) {
            this.terminal = terminal;
            this.out = terminal.out();
        }

        @Override
        public int getMaxRenderedLength() {
            return terminal.width() - 1;
        }

        @Override
        public synchronized void accept(String rendered) {
            out.print("\r" + rendered + Ansi.clearLine());
            out.flush();
        }

        synchronized void println(String text) {
            out.print("\r" + Ansi.clearLine() + text + System.lineSeparator());
            out.flush();
        }

        @Override
        public synchronized void close() {
            out.println();
            out.flush();
        }
    }
}
