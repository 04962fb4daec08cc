package io.coda4j.bench;

/** What is to be done should the process be stopped before this is closed. */
public final class AtExit implements AutoCloseable {
    private final Thread hook;

    public AtExit(Runnable action) {
        hook = new Thread(action, "at-exit");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException _) {
            // The process is being stopped: the hook has begun, and it is what was asked for.
        }
    }
}
