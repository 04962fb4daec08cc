package io.coda4j.bench;

/** Something could not be measured; the message says what and why. */
public final class MeasurementException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public MeasurementException(String message) {
        super(message);
    }
}
