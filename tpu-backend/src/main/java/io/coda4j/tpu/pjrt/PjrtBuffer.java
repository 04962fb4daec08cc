package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.TensorType;
import java.lang.foreign.MemorySegment;

/** A value on a device of a client. */
final class PjrtBuffer implements AutoCloseable {
    private final PjrtOwner owner;
    private final PjrtHandle handle;

    PjrtBuffer(PjrtOwner owner, MemorySegment address) {
        this.owner = owner;
        this.handle = owner.own(PjrtHandle.Kind.BUFFER, address);
    }

    MemorySegment address() {
        return handle.address();
    }

    /** Destroys the value without keeping whatever holds this buffer alive. */
    Runnable release() {
        return handle::close;
    }

    /**
     * Begins to copy the value to native memory of at least its size, dense and row-major; the memory must stay until
     * the event.
     */
    PjrtEvent download(TensorType type, MemorySegment host) {
        try (var call = owner.call("Buffer_ToHostBuffer")) {
            call.put("src", handle.address())
                    .put("host_layout", PjrtLayouts.rowMajor(type.rank(), call.arena()))
                    .put("dst", host)
                    .put("dst_size", type.byteSize());
            return new PjrtEvent(owner, call.invoke().address("event"), "copying " + type + " to the host");
        }
    }

    /** When the value is there, or what computes it has failed. */
    PjrtEvent ready() {
        try (var call = owner.call("Buffer_ReadyEvent")) {
            call.put("buffer", handle.address());
            return new PjrtEvent(owner, call.invoke().address("event"), "computing a value");
        }
    }

    /** A copy of the value on another device of the client. */
    PjrtBuffer copyTo(PjrtAccelerator device) {
        try (var call = owner.call("Buffer_CopyToDevice")) {
            call.put("buffer", handle.address()).put("dst_device", device.address());
            return new PjrtBuffer(owner, call.invoke().address("dst_buffer"));
        }
    }

    /** Whether the value was given away: donated to a program. */
    boolean isDeleted() {
        try (var call = owner.call("Buffer_IsDeleted")) {
            call.put("buffer", handle.address());
            return call.invoke().flag("is_deleted");
        }
    }

    /** The bytes it takes on the device, padding included. */
    long deviceBytes() {
        try (var call = owner.call("Buffer_OnDeviceSizeInBytes")) {
            call.put("buffer", handle.address());
            return call.invoke().number("on_device_size_in_bytes");
        }
    }

    @Override
    public void close() {
        handle.close();
    }
}
