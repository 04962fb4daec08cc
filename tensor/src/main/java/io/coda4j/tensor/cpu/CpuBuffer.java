package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Native memory holding one tensor. */
final class CpuBuffer implements Buffer {
    private final CpuDevice device;
    private final MemorySegment segment;
    private final Runnable release;
    private @Nullable PackedWeights packed;
    private boolean used;

    /** {@code segment} is in the global scope, so that kernels pay no liveness checks; {@code release} frees it once. */
    CpuBuffer(CpuDevice device, MemorySegment segment, Runnable release) {
        this.device = device;
        this.segment = segment;
        this.release = release;
    }

    /** The memory of a buffer that must be on a CPU device. */
    static MemorySegment segment(Buffer buffer) {
        return of(buffer).segment;
    }

    /** A buffer that must be on a CPU device. */
    static CpuBuffer of(Buffer buffer) {
        if (buffer instanceof CpuBuffer cpu) {
            return cpu;
        }
        throw new DeviceException(
                "expected a value on the cpu, got one on " + buffer.device().name());
    }

    MemorySegment segment() {
        return segment;
    }

    /** The panels made from this buffer, or null. */
    synchronized @Nullable PackedWeights packed() {
        return packed;
    }

    /** Keeps panels until the buffer is closed or its content changes; gives those back that it had. */
    synchronized void keep(@Nullable PackedWeights panels) {
        if (packed != null) {
            packed.close();
        }
        packed = panels;
    }

    /** Whether this is called for the first time: whether nothing read this buffer before that could have kept panels of it. */
    synchronized boolean firstUse() {
        boolean first = !used;
        used = true;
        return first;
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
        device.whileOpen(() -> host.copyFrom(segment));
    }

    @Override
    public void close() {
        keep(null);
        release.run();
    }
}
