package io.coda4j.diffusion.sampling;

/** Logits from which no token can be chosen: the model that made them is broken. */
public final class LogitsException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    LogitsException(String message) {
        super(message);
    }

    LogitsException(String message, LogitsException cause) {
        super(message, cause);
    }
}
