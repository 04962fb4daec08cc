package io.coda4j.nn.safetensors;

import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** A safetensors file cannot be read or written; the message starts with the file it is about. */
public final class SafetensorsException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public SafetensorsException(Path file, String problem) {
        this(file, problem, null);
    }

    public SafetensorsException(Path file, String problem, @Nullable Throwable cause) {
        super(file + ": " + problem, cause);
    }
}
