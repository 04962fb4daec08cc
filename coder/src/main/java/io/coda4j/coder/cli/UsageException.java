package io.coda4j.coder.cli;

/** A combination of options that makes no sense; the message says what to change. */
final class UsageException extends RuntimeException {
    private static final long serialVersionUID = 1;

    UsageException(String message) {
        super(message);
    }
}
