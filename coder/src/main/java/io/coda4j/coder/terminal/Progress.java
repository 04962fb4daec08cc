package io.coda4j.coder.terminal;

import java.time.Duration;

/** Shows how far a long piece of work is: a bar on an interactive terminal, a line now and then elsewhere. */
public interface Progress extends AutoCloseable {
    /** Shows the progress of work that starts at step 0 now. */
    static Progress start(Terminal terminal, String task, Budget budget) {
        return start(terminal, task, budget, 0, Duration.ZERO);
    }

    /**
     * Shows the progress of work that goes on from an earlier run.
     *
     * @param task a word for the work
     * @param step the steps done before
     * @param used the time that the budget has paid for
     */
    static Progress start(Terminal terminal, String task, Budget budget, long step, Duration used) {
        var pace = new Pace(budget, step, used, System::nanoTime);
        return terminal.isInteractive()
                ? new BarProgress(terminal, task, pace)
                : new LogProgress(terminal.out(), task, pace);
    }

    /**
     * Reports the steps done so far of work whose budget pays for all the time that passes. Cheap enough to call after
     * every step.
     *
     * @param message a few figures, such as {@code loss 3.21 | 18.3k tok/s}
     */
    void update(long step, String message);

    /**
     * Reports the steps done so far of work whose budget does not pay for all the time that passes.
     *
     * @param used the time that it has paid for, in earlier runs and this one
     * @param message a few figures, such as {@code loss 3.21 | 18.3k tok/s}
     */
    void update(long step, Duration used, String message);

    /** Prints a line of its own without disturbing the bar. */
    void println(String line);

    /** Shows the final state and stops. */
    @Override
    void close();
}
