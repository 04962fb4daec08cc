package io.coda4j.nn.files;

import java.nio.file.Path;
import java.util.UUID;
import java.util.regex.Pattern;

/** What a file is called until it is whole and moved to its place: a name beside that place which no other writer has. */
public final class TemporaryName {
    private static final Pattern FORM =
            Pattern.compile("\\..+\\.\\p{XDigit}{8}(-\\p{XDigit}{4}){3}-\\p{XDigit}{12}\\.tmp");

    private TemporaryName() {}

    /** A new name for what is to become {@code target}. */
    public static Path of(Path target) {
        return target.resolveSibling("." + target.getFileName() + "." + UUID.randomUUID() + ".tmp");
    }

    /** Whether {@code file} has such a name: it is being written, or its writer was killed. */
    public static boolean isOf(Path file) {
        return FORM.matcher(file.getFileName().toString()).matches();
    }
}
