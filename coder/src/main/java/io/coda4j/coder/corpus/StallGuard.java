package io.coda4j.coder.corpus;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.time.Duration;

/**
 * Reads a stream and gives up once nothing has arrived for a while.
 *
 * <p>The HTTP client's own timeout ends with the headers; a body that stops in the middle would be waited for without end.
 */
final class StallGuard implements AutoCloseable {
    private final InputStream body;
    private final Duration patience;
    private final Thread watcher;
    private volatile long lastByte = System.nanoTime();
    private volatile boolean stalled;

    StallGuard(InputStream body, Duration patience) {
        this.body = body;
        this.patience = patience;
        watcher = Thread.ofVirtual().start(this::watch);
    }

    int read(byte[] buffer) throws IOException {
        try {
            int n = body.read(buffer);
            lastByte = System.nanoTime();
            return n;
        } catch (IOException e) {
            throw stalled ? new IOException("nothing has arrived for " + patience.toSeconds() + " s", e) : e;
        }
    }

    private void watch() {
        try {
            while (true) {
                Thread.sleep(patience.dividedBy(10));
                if (System.nanoTime() - lastByte > patience.toNanos()) {
                    stalled = true;
                    body.close(); // makes the read that waits in the other thread fail
                    return;
                }
            }
        } catch (InterruptedException _) {
            // closed: the transfer has ended
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        watcher.interrupt();
    }
}
