package io.coda4j.tensor.cpu.x86;

import io.coda4j.tensor.DeviceException;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Pages of machine code, from their making to the end of the process. They are written first and executable afterwards,
 * never both at once.
 */
final class ExecutableMemory {
    private static final long PAGE = 4096;

    /** Routines begin at cache lines. */
    private static final long ALIGNMENT = 64;

    /** One byte of INT3, so that what runs past a routine's end stops there. */
    private static final byte TRAP = (byte) 0xcc;

    private ExecutableMemory() {}

    /**
     * The addresses of {@code routines}, ready to be called.
     *
     * @throws DeviceException if the operating system refuses, with its reason
     */
    static long[] of(List<byte[]> routines) {
        LinuxCalls.unusableBecause().ifPresent(reason -> {
            throw new DeviceException(reason);
        });
        long bytes = 0;
        long[] addresses = new long[routines.size()];
        for (int i = 0; i < addresses.length; i++) {
            addresses[i] = bytes;
            bytes += roundUp(routines.get(i).length + 1, ALIGNMENT);
        }
        var pages = LinuxCalls.mapWritable(roundUp(Math.max(1, bytes), PAGE));
        try {
            pages.fill(TRAP);
            for (int i = 0; i < addresses.length; i++) {
                var routine = MemorySegment.ofArray(routines.get(i));
                MemorySegment.copy(routine, 0, pages, addresses[i], routine.byteSize());
                addresses[i] += pages.address();
            }
            LinuxCalls.makeExecutable(pages);
            return addresses;
        } catch (RuntimeException e) {
            LinuxCalls.unmap(pages);
            throw e;
        }
    }

    private static long roundUp(long size, long unit) {
        return Math.ceilDiv(size, unit) * unit;
    }
}
