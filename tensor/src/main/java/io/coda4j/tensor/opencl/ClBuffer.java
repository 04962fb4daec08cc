package io.coda4j.tensor.opencl;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jocl.cl_mem;

/** A range of a memory object that holds one tensor. */
final class ClBuffer implements Buffer {
    private final ClDevice device;
    private final cl_mem memory;
    private final long offset;
    private final long bytes;
    private final Runnable release;

    /** {@code release} frees the storage, once, however often it is called. */
    ClBuffer(ClDevice device, cl_mem memory, long offset, long bytes, Runnable release) {
        this.device = device;
        this.memory = memory;
        this.offset = offset;
        this.bytes = bytes;
        this.release = release;
    }

    /** A buffer that must be one of an OpenCL device. */
    static ClBuffer of(Buffer buffer) {
        if (buffer instanceof ClBuffer cl) {
            return cl;
        }
        throw new DeviceException("expected a value on an OpenCL device, got one on "
                + buffer.device().name());
    }

    cl_mem memory() {
        return memory;
    }

    /** Where the value begins, in bytes. */
    long offset() {
        return offset;
    }

    boolean isSameStorage(ClBuffer other) {
        return memory == other.memory && offset == other.offset;
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public long byteSize() {
        return bytes;
    }

    @Override
    public void download(MemorySegment host) {
        if (host.isNative()) {
            device.queue().read(this, host);
            return;
        }
        // Drivers cannot write into the Java heap.
        try (var arena = Arena.ofConfined()) {
            var staging = arena.allocate(bytes, 64);
            device.queue().read(this, staging);
            MemorySegment.copy(staging, 0, host, 0, bytes);
        }
    }

    @Override
    public void close() {
        release.run();
    }
}
