package io.coda4j.tpu.pjrt;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SequencedMap;

/** Devices that need not be here, for which programs can be compiled. */
final class PjrtTopology implements AutoCloseable {
    private final PjrtOwner owner;
    private final PjrtHandle handle;

    PjrtTopology(PjrtOwner owner, MemorySegment address) {
        this.owner = owner;
        this.handle = owner.own(PjrtHandle.Kind.TOPOLOGY, address);
    }

    private PjrtCall call(String function) {
        return owner.call(function, "topology", handle::address);
    }

    String platformName() {
        try (var call = call("TopologyDescription_PlatformName")) {
            return call.invoke().text("platform_name");
        }
    }

    String platformVersion() {
        try (var call = call("TopologyDescription_PlatformVersion")) {
            return call.invoke().text("platform_version");
        }
    }

    List<PjrtDeviceDescription> devices() {
        try (var call = call("TopologyDescription_GetDeviceDescriptions")) {
            return call.invoke().addresses("descriptions").stream()
                    .map(address -> PjrtDeviceDescription.read(owner, address))
                    .toList();
        }
    }

    SequencedMap<String, PjrtAttribute> attributes() {
        try (var call = call("TopologyDescription_Attributes")) {
            call.invoke();
            return PjrtAttribute.read(call.address("attributes"), call.number("num_attributes"));
        }
    }

    /**
     * Compiles a StableHLO module for these devices.
     *
     * @throws PjrtException with the compiler's message, as when it does not fit their memory
     */
    PjrtExecutable compile(String module, CompileOptions options) {
        try (var call = call("Compile")) {
            call.put("program", PjrtClient.program(module, call.arena()))
                    .putBytes("compile_options", options.toBytes(), call.arena());
            return new PjrtExecutable(owner, call.invoke().address("executable"));
        }
    }

    @Override
    public void close() {
        handle.close();
    }
}
