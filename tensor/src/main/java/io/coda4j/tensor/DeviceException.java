package io.coda4j.tensor;

import org.jspecify.annotations.Nullable;

/** A device that cannot do what was asked of it; the message names the device, the reason and a way out. */
public class DeviceException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** An error with a message for the user. */
    public DeviceException(String message) {
        super(message);
    }

    /** An error with a message for the user and the failure underneath, if there is one. */
    public DeviceException(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
