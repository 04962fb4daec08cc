package io.coda4j.bench.peers;

import io.coda4j.bench.AtExit;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;

/** A new folder that is deleted with everything in it, also when the process is interrupted: it may hold gigabytes. */
final class TemporaryFolder implements AutoCloseable {
    private final Path path;
    private final AtExit atExit;

    TemporaryFolder(String prefix) throws IOException {
        path = Files.createTempDirectory(prefix);
        atExit = new AtExit(this::delete);
    }

    Path path() {
        return path;
    }

    @Override
    public void close() {
        atExit.close();
        delete();
    }

    private void delete() {
        try (var files = Files.walk(path)) {
            for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(path + ": cannot be deleted", e);
        }
    }
}
