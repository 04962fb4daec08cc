package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.MemorySegment;
import java.util.IdentityHashMap;
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
     * The addresses of {@code routines}, ready to be called. An array that is in the list several times is there once.
     *
     * @throws SystemRefusal if the operating system refuses, with its reason
     */
    static long[] of(List<byte[]> routines) {
        LinuxCalls.unusableBecause().ifPresent(reason -> {
            throw new SystemRefusal(reason);
        });
        var places = new IdentityHashMap<byte[], Long>();
        long bytes = 0;
        for (byte[] routine : routines) {
            if (places.putIfAbsent(routine, bytes) == null) {
                bytes += roundUp(routine.length + 1, ALIGNMENT);
            }
        }
        var pages = LinuxCalls.mapWritable(roundUp(Math.max(1, bytes), PAGE));
        try {
            pages.fill(TRAP);
            places.forEach((routine, place) ->
                    MemorySegment.copy(MemorySegment.ofArray(routine), 0, pages, place, routine.length));
            LinuxCalls.makeExecutable(pages);
            return routines.stream()
                    .mapToLong(routine -> pages.address() + places.getOrDefault(routine, 0L))
                    .toArray();
        } catch (RuntimeException e) {
            LinuxCalls.unmap(pages);
            throw e;
        }
    }

    private static long roundUp(long size, long unit) {
        return Math.ceilDiv(size, unit) * unit;
    }
}
