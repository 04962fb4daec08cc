package io.coda4j.coder.files;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A file that cannot be read or written, with the operating system's reason in words. */
public final class FileException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** {@code path}: {@code problem}: the reason of {@code cause}. */
    public FileException(Path path, String problem, IOException cause) {
        super(path + ": " + problem + ": " + reason(cause), cause);
    }

    private static String reason(IOException cause) {
        return switch (cause) {
            case NoSuchFileException e -> "no such file or folder: " + e.getFile();
            case AccessDeniedException e -> "permission denied: " + e.getFile();
            case FileAlreadyExistsException e -> e.getFile() + " exists and is not a folder";
            case FileSystemException e when e.getReason() != null -> e.getReason();
            default -> cause.getMessage();
        };
    }
}
