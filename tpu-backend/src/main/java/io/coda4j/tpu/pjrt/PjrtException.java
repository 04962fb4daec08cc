package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.DeviceException;

/** An error that a PJRT plugin returned, with the plugin's own text. */
final class PjrtException extends DeviceException {
    private static final long serialVersionUID = 1;

    private final PjrtStatus status;

    /** {@code what} says what was asked of which plugin, {@code text} what the plugin said. */
    PjrtException(String what, PjrtStatus status, String text) {
        super(what + ": " + status + (text.isBlank() ? "" : ": " + text.strip()));
        this.status = status;
    }

    /** The kind of failure. */
    PjrtStatus status() {
        return status;
    }
}
