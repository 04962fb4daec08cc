package io.coda4j.tpu.pjrt;

import java.io.Serializable;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What {@link AotWorker} is asked.
 *
 * @param library the plugin's file
 * @param topology such as {@code v4:2x2x1}
 * @param options the topology's, in the order in which to try them: plugins refuse those they do not know
 * @param module StableHLO text, or null to ask for the topology alone
 * @param flags of the compiler
 */
record AotRequest(
        String library,
        String topology,
        List<Map<String, PjrtAttribute>> options,
        @Nullable String module,
        Map<String, PjrtAttribute> flags)
        implements Serializable {

    /** A question about a topology alone. */
    static AotRequest about(Path library, String topology, List<Map<String, PjrtAttribute>> options) {
        return new AotRequest(library.toString(), topology, options, null, Map.of());
    }

    /** The same topology, with a module to compile for all of its devices. */
    AotRequest compiling(String text, Map<String, PjrtAttribute> compilerFlags) {
        return new AotRequest(library, topology, options, text, compilerFlags);
    }
}
