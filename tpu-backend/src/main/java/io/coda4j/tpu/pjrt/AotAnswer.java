package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.spi.Collective;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What {@link AotWorker} found.
 *
 * @param apiVersion of the plugin
 * @param plugin attributes of the plugin
 * @param platform name and version
 * @param devices of the topology
 * @param compiled the program, or null if none was given or it was refused
 * @param refusal what the compiler said, or null
 */
record AotAnswer(
        String apiVersion,
        Map<String, PjrtAttribute> plugin,
        String platform,
        List<PjrtDeviceDescription> devices,
        @Nullable Compiled compiled,
        @Nullable Refusal refusal)
        implements Serializable {
    /**
     * A compiled program.
     *
     * @param seconds it took
     * @param cost by name, as the compiler estimates it for one device
     * @param collectives what its devices exchange
     */
    record Compiled(
            double seconds, PjrtExecutable.Memory memory, Map<String, PjrtAttribute> cost, List<Collective> collectives)
            implements Serializable {}

    /** Why the compiler, or the topology, refused. */
    record Refusal(PjrtStatus status, String message, double seconds) implements Serializable {}
}
