package io.coda4j.tensor.testing;

import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;

/** What a machine may lack: a test that needs it is skipped there, and fails where {@code CODA_REQUIRE} names it. */
public final class Requirement {
    private Requirement() {}

    /**
     * Goes on if nothing is missing.
     *
     * @param feature the name in {@code CODA_REQUIRE}, a comma list
     * @param missing what is missing, if anything
     */
    public static void require(String feature, Optional<String> missing) {
        missing.ifPresent(reason -> {
            var required = Arrays.asList(
                    System.getenv().getOrDefault("CODA_REQUIRE", "").split(","));
            if (required.contains(feature)) {
                throw new AssertionError(feature + " is required here, but " + reason);
            }
            System.out.println("skipped: " + reason);
            Assumptions.abort(reason);
        });
    }
}
