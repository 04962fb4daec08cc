package io.coda4j.coder.parity;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * The recorded results in the repository, which lie with the modules that own their subjects, and folders made from
 * them.
 */
public final class RecordedFixtures {
    private static final List<String> MODULES = List.of("nn", "diffusion");

    private RecordedFixtures() {}

    /** Copies all families of the repository into one folder. */
    public static Path copyAll(Path target) {
        var root = repository();
        MODULES.forEach(module -> copy(root.resolve(module).resolve("src/test/resources/fixtures"), target));
        return target;
    }

    private static Path repository() {
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            if (Files.isRegularFile(at.resolve("mvnw")) && Files.isDirectory(at.resolve("diffusion"))) {
                return at;
            }
        }
        throw new IllegalStateException("the tests do not run inside the repository");
    }

    /** Copies a folder with everything in it. */
    static Path copy(Path source, Path target) {
        try (var files = Files.walk(source)) {
            for (var file : files.toList()) {
                var to = target.resolve(source.relativize(file).toString());
                if (Files.isDirectory(file)) {
                    Files.createDirectories(to);
                } else {
                    Files.copy(file, to);
                }
            }
            return target;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
