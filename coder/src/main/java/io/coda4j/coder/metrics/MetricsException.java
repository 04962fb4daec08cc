package io.coda4j.coder.metrics;

/** A metrics file that cannot be used as asked; the message names the file, the line and the way out. */
public final class MetricsException extends RuntimeException {
    MetricsException(String message) {
        super(message);
    }

    MetricsException(String message, Throwable cause) {
        super(message, cause);
    }
}
