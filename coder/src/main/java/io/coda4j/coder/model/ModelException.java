package io.coda4j.coder.model;

import java.nio.file.Path;

/** A model folder that cannot be used; the message names the file, what is wrong and what was expected. */
public final class ModelException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** An error in {@code file}. */
    public ModelException(Path file, String problem) {
        super(file + ": " + problem);
    }

    /** An error in {@code file} with the failure underneath. */
    public ModelException(Path file, String problem, Throwable cause) {
        super(file + ": " + problem, cause);
    }
}
