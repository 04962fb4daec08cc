package io.coda4j.bench.decode;

/** A cell that could not be measured; the message says which and why. */
public final class CellException extends RuntimeException {
    private static final long serialVersionUID = 1;

    CellException(String message) {
        super(message);
    }
}
