package io.coda4j.diffusion.sampling;

/**
 * Which columns of a row a model computes at a step, and which it takes as it computed them before.
 *
 * <p>A bidirectional model has no exact cache: keys and values of every position depend on every token. All schemes but
 * {@link None} and {@link Causal} are approximations, each renewed by passes over the whole row. The window that is
 * computed starts where the hidden state of its first prediction lies, one column early for models that predict the
 * next token, so that no token must be committed unseen (quirk Q37).
 */
public sealed interface Caching {
    /** The name on the command line and in requests. */
    String label();

    /** The columns to compute at a step. */
    Pass pass(Progress progress);

    /** Whether every result equals that of a pass over the whole row. */
    boolean isExact();

    /**
     * Columns that are computed.
     *
     * @param start first column
     * @param end column after the last
     */
    record Pass(int start, int end) {}

    /**
     * Where a row stands.
     *
     * @param length columns of the row
     * @param lead 1 if a hidden state predicts the next token, else 0
     * @param window the columns that may be committed
     * @param lastWindowStart start of the window at the step before, or -1 if nothing was computed yet
     * @param firstStale the first column whose token is not the one that was computed, {@code length} if there is none
     * @param lastStale the last such column, -1 if there is none
     * @param passes since the last one over the whole row, that one included; 0 if there was none
     */
    record Progress(
            int length, int lead, Window window, int lastWindowStart, int firstStale, int lastStale, int passes) {

        /** The column whose hidden state predicts the window's first token. */
        private int first() {
            return Math.max(0, window.start() - lead);
        }

        private boolean isNewWindow() {
            return lastWindowStart != window.start();
        }

        private boolean isDue(int refresh) {
            return passes == 0 || (refresh > 0 && passes >= refresh);
        }

        private Pass whole() {
            return new Pass(0, length);
        }

        /** The columns from the first that must be computed to {@code end}; the whole row if one behind it changed. */
        private Pass upTo(int end) {
            return lastStale >= end ? whole() : new Pass(Math.min(first(), firstStale), end);
        }
    }

    /** Everything is computed at every step. Exact. */
    record None() implements Caching {
        @Override
        public String label() {
            return "none";
        }

        @Override
        public Pass pass(Progress progress) {
            return progress.whole();
        }

        @Override
        public boolean isExact() {
            return true;
        }
    }

    /**
     * What is before the window is frozen while the window lasts; the window and everything behind it are computed.
     * Approximation: the frozen part does not see the tokens committed in the window.
     *
     * @param refresh every so many passes one goes over the whole row, beside the one at the start of each window; 0 for
     *     none
     */
    record Prefix(int refresh) implements Caching {
        public Prefix {
            requireRefresh(refresh);
        }

        @Override
        public String label() {
            return "prefix";
        }

        @Override
        public Pass pass(Progress progress) {
            return progress.isNewWindow() || progress.isDue(refresh)
                    ? progress.whole()
                    : progress.upTo(progress.length());
        }

        @Override
        public boolean isExact() {
            return refresh == 1;
        }
    }

    /**
     * Only the window is computed; what is before and behind it is frozen while it lasts. Approximation: neither part sees
     * the tokens committed in the window.
     *
     * @param refresh every so many passes one goes over the whole row, beside the one at the start of each window; 0 for
     *     none
     */
    record Dual(int refresh) implements Caching {
        public Dual {
            requireRefresh(refresh);
        }

        @Override
        public String label() {
            return "dual";
        }

        @Override
        public Pass pass(Progress progress) {
            return progress.isNewWindow() || progress.isDue(refresh)
                    ? progress.whole()
                    : progress.upTo(progress.window().end());
        }

        @Override
        public boolean isExact() {
            return refresh == 1;
        }
    }

    /**
     * As {@link Dual}, but a new window does not renew the rest. Instead the pass that follows a commit includes the
     * committed columns, wherever they are, so that what stays frozen was computed from the tokens that stand there.
     * Approximation: finished windows see what was committed after them, and the columns behind the window what was
     * committed before it, only at the next pass over the whole row.
     *
     * @param refresh every so many passes one goes over the whole row; 0 for the first alone
     */
    record Delayed(int refresh) implements Caching {
        public Delayed {
            requireRefresh(refresh);
        }

        @Override
        public String label() {
            return "delayed";
        }

        @Override
        public Pass pass(Progress progress) {
            return progress.isDue(refresh)
                    ? progress.whole()
                    : progress.upTo(progress.window().end());
        }

        @Override
        public boolean isExact() {
            return refresh == 1;
        }
    }

    /**
     * The cache of autoregressive models: what was computed stays. Exact where columns see only those before them and the
     * window is one column.
     */
    record Causal() implements Caching {
        @Override
        public String label() {
            return "causal";
        }

        @Override
        public Pass pass(Progress progress) {
            int first = progress.first();
            return new Pass(
                    Math.min(first, progress.firstStale()),
                    Math.max(first + 1, progress.window().end() - progress.lead()));
        }

        @Override
        public boolean isExact() {
            return true;
        }
    }

    private static void requireRefresh(int refresh) {
        if (refresh < 0) {
            throw new IllegalArgumentException("refresh must not be negative, got " + refresh);
        }
    }
}
