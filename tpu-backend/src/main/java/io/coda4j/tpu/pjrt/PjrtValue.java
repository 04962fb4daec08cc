package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;

/** A value on a {@link PjrtDevice}; perhaps one that is still being computed. */
final class PjrtValue implements Buffer {
    private static final Cleaner CLEANER = Cleaner.create();

    private final PjrtDevice device;
    private final TensorType type;
    private final PjrtBuffer buffer;
    private final Cleaner.Cleanable cleanable;

    PjrtValue(PjrtDevice device, TensorType type, PjrtBuffer buffer) {
        this.device = device;
        this.type = type;
        this.buffer = buffer;
        // The safety net for values that nobody closes.
        this.cleanable = CLEANER.register(this, buffer.release());
    }

    /** The buffer of a value that must be on a PJRT device. */
    static PjrtBuffer buffer(Buffer value) {
        if (value instanceof PjrtValue pjrt) {
            return pjrt.buffer;
        }
        throw new DeviceException("expected a value on a PJRT device, got one on "
                + value.device().name());
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public long byteSize() {
        return type.byteSize();
    }

    @Override
    public void download(MemorySegment host) {
        var target = host.asSlice(0, byteSize());
        if (target.isNative() && byteSize() > 0) {
            await(target);
            return;
        }
        try (var arena = Arena.ofConfined()) {
            var copy = arena.allocate(Math.max(1, byteSize()), 64);
            await(copy);
            MemorySegment.copy(copy, 0, target, 0, byteSize());
        }
    }

    private void await(MemorySegment target) {
        try (var event = buffer.download(type, target)) {
            event.await();
        }
    }

    @Override
    public void close() {
        cleanable.clean();
    }
}
