package io.coda4j.coder.corpus;

import java.io.IOException;

/** Tells a failure to write here from a failure to read from elsewhere. */
final class StorageException extends IOException {
    private static final long serialVersionUID = 1L;

    StorageException(String message) {
        super(message);
    }

    StorageException(String message, Throwable cause) {
        super(message, cause);
    }
}
