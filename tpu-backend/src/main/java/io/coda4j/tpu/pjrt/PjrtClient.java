package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A plugin at work: its devices, and all values and programs on them, which end with it. */
final class PjrtClient implements AutoCloseable {
    /** Values up to this size are copied by the plugin at once, others are read while the caller waits. */
    private static final long COPIED_AT_ONCE = 1 << 20;

    // PJRT_HostBufferSemantics.
    private static final int IMMUTABLE_ONLY_DURING_CALL = 0;
    private static final int IMMUTABLE_UNTIL_TRANSFER_COMPLETES = 1;

    private final PjrtOwner owner;
    private final MemorySegment address;
    private final @Nullable KeyValueCallbacks callbacks;

    private PjrtClient(PjrtOwner owner, MemorySegment address, @Nullable KeyValueCallbacks callbacks) {
        this.owner = owner;
        this.address = address;
        this.callbacks = callbacks;
        owner.own(PjrtHandle.Kind.CLIENT, address);
    }

    /**
     * Begins to use the devices of a plugin.
     *
     * @param options of the plugin; it refuses those it does not know
     * @param store shared with the other processes of the program, or null if there are none
     * @throws PjrtException if the plugin cannot, as where there is no such hardware
     */
    static PjrtClient create(PjrtApi api, Map<String, PjrtAttribute> options, @Nullable KeyValueStore store) {
        var callbacks = store == null ? null : new KeyValueCallbacks(store);
        try (var call = api.call("Client_Create")) {
            call.put("create_options", PjrtAttribute.array(options, call.arena()))
                    .put("num_options", (long) options.size());
            if (callbacks != null) {
                callbacks.putInto(call);
            }
            var address = call.invoke().address("client");
            return new PjrtClient(new PjrtOwner(api.name() + ": the client", api), address, callbacks);
        } catch (RuntimeException e) {
            if (callbacks != null) {
                callbacks.close();
            }
            throw e;
        }
    }

    private PjrtCall call(String function) {
        return owner.call(function, "client", () -> address);
    }

    /** What the devices are, such as {@code tpu}. */
    String platformName() {
        try (var call = call("Client_PlatformName")) {
            return call.invoke().text("platform_name");
        }
    }

    /** The version of compiler and runtime. */
    String platformVersion() {
        try (var call = call("Client_PlatformVersion")) {
            return call.invoke().text("platform_version");
        }
    }

    /** The number of this process among those of the program. */
    int processIndex() {
        try (var call = call("Client_ProcessIndex")) {
            return call.invoke().intNumber("process_index");
        }
    }

    /** All devices of the system, those of other processes included. */
    List<PjrtAccelerator> devices() {
        try (var call = call("Client_Devices")) {
            return accelerators(call.invoke().addresses("devices"));
        }
    }

    /** The devices of this process. */
    List<PjrtAccelerator> addressableDevices() {
        try (var call = call("Client_AddressableDevices")) {
            return accelerators(call.invoke().addresses("addressable_devices"));
        }
    }

    private List<PjrtAccelerator> accelerators(List<MemorySegment> addresses) {
        return addresses.stream().map(at -> new PjrtAccelerator(owner, at)).toList();
    }

    /**
     * Compiles a StableHLO module.
     *
     * @throws PjrtException with the compiler's message
     */
    PjrtLoadedExecutable compile(String module, CompileOptions options) {
        try (var call = call("Client_Compile")) {
            call.put("program", program(module, call.arena()))
                    .putBytes("compile_options", options.toBytes(), call.arena());
            return new PjrtLoadedExecutable(owner, call.invoke().address("executable"));
        }
    }

    /** A module in the form in which compilers take it. */
    static StructView program(String module, Arena arena) {
        return StructView.allocate("Program", arena)
                .putText("code", module, arena)
                .putText("format", "mlir", arena);
    }

    /** An executable from what {@link PjrtExecutable#serialize} gave. */
    PjrtLoadedExecutable load(byte[] serialized) {
        try (var call = call("Executable_DeserializeAndLoad")) {
            call.putBytes("serialized_executable", serialized, call.arena());
            return new PjrtLoadedExecutable(owner, call.invoke().address("loaded_executable"));
        }
    }

    /**
     * Copies a dense row-major value from native memory, which may be used again on return.
     *
     * @throws PjrtException if it does not fit, or the transfer fails
     */
    PjrtBuffer upload(TensorType type, MemorySegment host, PjrtAccelerator device) {
        return beginUpload(type, host, device).finish();
    }

    /**
     * Begins to copy a dense row-major value from native memory, which must stay as it is until the end.
     *
     * @throws PjrtException if it does not fit
     */
    PjrtUpload beginUpload(TensorType type, MemorySegment host, PjrtAccelerator device) {
        boolean copied = type.byteSize() <= COPIED_AT_ONCE;
        try (var call = call("Client_BufferFromHostBuffer")) {
            call.put("data", host)
                    .putInt("type", PjrtLayouts.elementType(type.dtype()))
                    .put("dims", PjrtLayouts.dimensions(type, call.arena()))
                    .put("num_dims", (long) type.rank())
                    .putInt(
                            "host_buffer_semantics",
                            copied ? IMMUTABLE_ONLY_DURING_CALL : IMMUTABLE_UNTIL_TRANSFER_COMPLETES)
                    .put("device", device.address());
            call.invoke();
            return new PjrtUpload(
                    new PjrtBuffer(owner, call.address("buffer")),
                    new PjrtEvent(owner, call.address("done_with_host_buffer"), "copying " + type + " from the host"),
                    copied);
        }
    }

    /** Objects of one kind that were not destroyed. */
    long live(PjrtHandle.Kind kind) {
        return owner.live(kind);
    }

    /** Ends all work and destroys all values and programs. */
    @Override
    public void close() {
        owner.close();
        if (callbacks != null) {
            callbacks.close();
        }
    }
}
