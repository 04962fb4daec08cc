package io.coda4j.coder.generate;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Native memory for transfers to and from a device, kept between them; for one transfer at a time. */
final class HostMemory implements AutoCloseable {
    private Arena arena = Arena.ofShared();
    private MemorySegment memory = MemorySegment.NULL;

    /** At least {@code bytes} bytes with undefined contents, valid until the next call. */
    MemorySegment segment(long bytes) {
        if (memory.byteSize() < bytes) {
            arena.close();
            arena = Arena.ofShared();
            memory = arena.allocate(bytes, 64);
        }
        return memory;
    }

    @Override
    public void close() {
        if (arena.scope().isAlive()) {
            arena.close();
        }
    }
}
