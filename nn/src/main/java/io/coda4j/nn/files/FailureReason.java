package io.coda4j.nn.files;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;

/** Why a file cannot be read or written, in words: Java tells some reasons by the name of an exception alone. */
public final class FailureReason {
    private FailureReason() {}

    /** The reason of {@code failure}, without the name of its class. */
    public static String of(IOException failure) {
        return switch (failure) {
            case NoSuchFileException e -> "no such file or folder: " + e.getFile();
            case AccessDeniedException e -> "permission denied: " + e.getFile();
            case FileAlreadyExistsException e -> e.getFile() + " exists and is not a folder";
            case NotDirectoryException e -> e.getFile() + " is not a folder";
            case CharacterCodingException _ -> "some of its bytes are no character";
            case FileSystemException e when e.getReason() != null -> e.getReason();
            default -> failure.getMessage() == null ? failure.toString() : failure.getMessage();
        };
    }
}
