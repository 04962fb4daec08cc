package io.coda4j.tpu.pjrt;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** An object of a plugin that must be destroyed once, and by whom. */
final class PjrtHandle implements AutoCloseable {
    /** What must be destroyed; the destroying function's name and its argument follow from it. */
    enum Kind {
        CLIENT("Client", "client"),
        LOADED_EXECUTABLE("LoadedExecutable", "executable"),
        EXECUTABLE("Executable", "executable"),
        BUFFER("Buffer", "buffer"),
        EVENT("Event", "event"),
        TOPOLOGY("TopologyDescription", "topology");

        private final String type;
        private final String field;

        Kind(String type, String field) {
            this.type = type;
            this.field = field;
        }
    }

    private final PjrtOwner owner;
    private final Kind kind;
    private final MemorySegment address;
    private @Nullable String gone;

    PjrtHandle(PjrtOwner owner, Kind kind, MemorySegment address) {
        this.owner = owner;
        this.kind = kind;
        this.address = address;
    }

    Kind kind() {
        return kind;
    }

    /**
     * Where the object is.
     *
     * @throws IllegalStateException if it was destroyed, with the reason
     */
    synchronized MemorySegment address() {
        if (gone != null) {
            throw new IllegalStateException(owner.name() + ": this " + kind.type + " cannot be used: " + gone);
        }
        return address;
    }

    /** Destroys the object unless that was done; harmless when the owner was closed, which destroyed it too. */
    @Override
    public void close() {
        owner.release(this);
    }

    /** Calls the plugin, the first time. */
    void destroy(PjrtApi api, String reason) {
        synchronized (this) {
            if (gone != null) {
                return;
            }
            gone = reason;
        }
        try (var call = api.call(kind.type + "_Destroy")) {
            call.put(kind.field, address);
            call.invoke();
        }
    }
}
