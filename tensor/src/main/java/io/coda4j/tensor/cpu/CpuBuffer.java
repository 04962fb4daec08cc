package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import java.lang.foreign.MemorySegment;

/** Native memory holding one tensor. */
final class CpuBuffer implements Buffer {
    private final CpuDevice device;
    private final MemorySegment segment;
    private final Runnable release;

    /** {@code segment} is in the global scope, so that kernels pay no liveness checks; {@code release} frees it once. */
    CpuBuffer(CpuDevice device, MemorySegment segment, Runnable release) {
        this.device = device;
        this.segment = segment;
        this.release = release;
    }

    /** The memory of a buffer that must be on a CPU device. */
    static MemorySegment segment(Buffer buffer) {
        if (buffer instanceof CpuBuffer cpu) {
            return cpu.segment;
        }
        throw new DeviceException(
                "expected a value on the cpu, got one on " + buffer.device().name());
    }

    MemorySegment segment() {
        return segment;
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public long byteSize() {
        return segment.byteSize();
    }

    @Override
    public void download(MemorySegment host) {
        MemorySegment.copy(segment, 0, host, 0, segment.byteSize());
    }

    @Override
    public void close() {
        release.run();
    }
}
