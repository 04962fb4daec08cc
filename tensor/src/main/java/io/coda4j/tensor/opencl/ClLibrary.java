package io.coda4j.tensor.opencl;

import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * The system's OpenCL library. JOCL's native code prints lines of its own to standard output where it cannot load it, so
 * it is asked only after the library was found.
 */
final class ClLibrary {
    private ClLibrary() {}

    /** Why the library cannot be loaded, or empty if it can. */
    static Optional<String> missing() {
        var system = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
        if (system.contains("mac")) {
            // A part of the system itself.
            return Optional.empty();
        }
        return missing(system.contains("windows") ? List.of("OpenCL.dll") : List.of("libOpenCL.so.1", "libOpenCL.so"));
    }

    /** As the other, for a library that is called by any of {@code names}. */
    @SuppressWarnings("restricted")
    static Optional<String> missing(List<String> names) {
        for (var name : names) {
            try (var arena = Arena.ofConfined()) {
                SymbolLookup.libraryLookup(name, arena);
                return Optional.empty();
            } catch (IllegalArgumentException _) {
                // The next name, or the message below.
            }
        }
        return Optional.of("the OpenCL library cannot be loaded (" + String.join(" or ", names) + ")");
    }
}
