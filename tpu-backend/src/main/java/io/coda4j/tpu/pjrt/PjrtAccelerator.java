package io.coda4j.tpu.pjrt;

import java.lang.foreign.MemorySegment;
import java.util.OptionalLong;

/** One device of a client: what PJRT calls {@code PJRT_Device}. Lives as long as the client. */
final class PjrtAccelerator {
    /**
     * Memory of a device in bytes.
     *
     * @param inUse now
     * @param peak the most that was in use
     * @param limit the most that can be
     */
    record Memory(long inUse, OptionalLong peak, OptionalLong limit) {}

    private final PjrtOwner owner;
    private final MemorySegment address;

    PjrtAccelerator(PjrtOwner owner, MemorySegment address) {
        this.owner = owner;
        this.address = address;
    }

    MemorySegment address() {
        return address;
    }

    PjrtDeviceDescription description() {
        try (var call = owner.call("Device_GetDescription")) {
            call.put("device", address);
            return PjrtDeviceDescription.read(owner, call.invoke().address("device_description"));
        }
    }

    /** Whether this process can use it. */
    boolean isAddressable() {
        try (var call = owner.call("Device_IsAddressable")) {
            call.put("device", address);
            return call.invoke().flag("is_addressable");
        }
    }

    /**
     * How much of its memory is used.
     *
     * @throws PjrtException if the plugin does not count
     */
    Memory memory() {
        try (var call = owner.call("Device_MemoryStats")) {
            call.put("device", address);
            call.invoke();
            return new Memory(
                    call.number("bytes_in_use"), optional(call, "peak_bytes_in_use"), optional(call, "bytes_limit"));
        }
    }

    private static OptionalLong optional(PjrtCall call, String field) {
        return call.flag(field + "_is_set") ? OptionalLong.of(call.number(field)) : OptionalLong.empty();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof PjrtAccelerator accelerator && accelerator.address.equals(address);
    }

    @Override
    public int hashCode() {
        return address.hashCode();
    }
}
