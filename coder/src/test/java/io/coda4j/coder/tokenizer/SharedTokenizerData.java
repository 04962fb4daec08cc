package io.coda4j.coder.tokenizer;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/**
 * Finds the tokenizer files that lie beside the repository and are never committed.
 *
 * <p>They are looked for under {@code CODA_SHARED} (environment or system property), else in a folder {@code shared}
 * beside any folder above the working directory. Tests that need them are skipped where they are absent, and fail there
 * if {@code CODA_REQUIRE} contains {@code shared}.
 */
public final class SharedTokenizerData {
    private SharedTokenizerData() {}

    /** The file or folder {@code name} of the tokenizer data. */
    public static Path tokenizer(String name) {
        Path found = root().resolve("data/tokenizer").resolve(name);
        if (Files.exists(found)) {
            return found;
        }
        String reason = "shared data absent: " + found + " (set CODA_SHARED to its folder)";
        if (String.valueOf(System.getenv("CODA_REQUIRE")).contains("shared")) {
            throw new AssertionError(reason);
        }
        System.out.println("skipped: " + reason);
        Assumptions.abort(reason);
        throw new AssertionError("not reached");
    }

    private static Path root() {
        String named = System.getProperty("CODA_SHARED", System.getenv("CODA_SHARED"));
        if (named != null) {
            return Path.of(named);
        }
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            if (Files.isDirectory(at.resolve("shared/data"))) {
                return at.resolve("shared");
            }
        }
        return Path.of("shared").toAbsolutePath();
    }
}
