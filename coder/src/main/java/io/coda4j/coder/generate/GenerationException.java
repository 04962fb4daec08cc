package io.coda4j.coder.generate;

/** A request that cannot be filled; the message says what is wrong and how to put it right. */
public final class GenerationException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** An error with a message for the user. */
    public GenerationException(String message) {
        super(message);
    }
}
