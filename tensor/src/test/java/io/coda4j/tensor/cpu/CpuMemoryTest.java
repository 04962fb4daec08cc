package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DeviceMemoryException;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;

class CpuMemoryTest {
    private static final long LEAST_COLLECTED = 16 << 20;
    private static final long BYTES = LEAST_COLLECTED / 16;

    /** As arrays of a loop without a scope are. */
    @Test
    void buffersThatNobodyClosesAreFound() {
        try (var device = CpuDevice.withThreads(1);
                var memory = new CpuMemory(device, LEAST_COLLECTED)) {
            for (int i = 0; i < 200; i++) {
                assertEquals(BYTES, memory.allocate(BYTES).byteSize());
            }
            assertTrue(memory.heldBytes() <= 3 * LEAST_COLLECTED, () -> memory.heldBytes() + " bytes are held");
        }
    }

    @Test
    void buffersInUseAreKept() {
        try (var device = CpuDevice.withThreads(1);
                var memory = new CpuMemory(device, LEAST_COLLECTED)) {
            var buffers = new ArrayList<CpuBuffer>();
            for (int i = 0; i < 40; i++) {
                buffers.add(memory.allocate(BYTES));
            }
            var addresses =
                    buffers.stream().map(buffer -> buffer.segment().address()).distinct();
            assertEquals(40, addresses.count(), "none was given out twice");
            assertEquals(40 * BYTES, memory.heldBytes());
            buffers.forEach(CpuBuffer::close);
            memory.allocate(BYTES);
            assertEquals(40 * BYTES, memory.heldBytes());
        }
    }

    @Test
    void tooMuchIsNamed() {
        try (var device = CpuDevice.withThreads(1);
                var memory = new CpuMemory(device, LEAST_COLLECTED)) {
            var error = assertThrows(DeviceMemoryException.class, () -> memory.allocate(1L << 60));
            assertTrue(
                    error.getMessage().startsWith("cpu cannot allocate 1,152,921,504,606,846,976 bytes ("),
                    error::getMessage);
        }
    }
}
