package io.coda4j.coder.files;

import io.coda4j.nn.files.FailureReason;
import java.io.IOException;
import java.nio.file.Path;

/** A file that cannot be read or written, with the operating system's reason in words. */
public final class FileException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** {@code path}: {@code problem}: the reason of {@code cause}. */
    public FileException(Path path, String problem, IOException cause) {
        super(path + ": " + problem + ": " + FailureReason.of(cause), cause);
    }

    /** {@code path}: {@code problem}. */
    public FileException(Path path, String problem) {
        super(path + ": " + problem);
    }
}
