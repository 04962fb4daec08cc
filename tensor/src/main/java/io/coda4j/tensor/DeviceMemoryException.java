package io.coda4j.tensor;

import org.jspecify.annotations.Nullable;

/** A device without enough memory; the message says how much was needed and how much there is. */
public final class DeviceMemoryException extends DeviceException {
    private static final long serialVersionUID = 1;

    /** An error with a message for the user and the failure underneath, if there is one. */
    public DeviceMemoryException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
