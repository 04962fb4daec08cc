package io.coda4j.coder.parity;

/** Recorded results that cannot be replayed; the message names the file or tensor and what was expected of it. */
public final class ParityException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** A problem of a folder, a file or a tensor. */
    public ParityException(String problem) {
        super(problem);
    }

    /** A problem with the failure underneath. */
    public ParityException(String problem, Throwable cause) {
        super(problem, cause);
    }
}
