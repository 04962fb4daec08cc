package io.coda4j.coder.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

final class StallGuardTest {
    @Test
    void aStreamThatFallsSilentIsClosed() {
        var closed = new CountDownLatch(1);
        var silent = new InputStream() {
            @Override
            public int read() throws IOException {
                try {
                    closed.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
                throw new IOException("closed");
            }

            @Override
            public void close() {
                closed.countDown();
            }
        };
        try (var guard = new StallGuard(silent, Duration.ofMillis(200))) {
            var e = assertThrows(IOException.class, () -> guard.read(new byte[8]));
            assertTrue(e.getMessage().contains("nothing has arrived"), e.getMessage());
        }
    }

    @Test
    void aStreamThatFlowsIsReadToItsEnd() throws IOException {
        try (var guard = new StallGuard(new ByteArrayInputStream(new byte[10]), Duration.ofSeconds(5))) {
            assertEquals(10, guard.read(new byte[64]));
            assertEquals(-1, guard.read(new byte[64]));
        }
    }
}
