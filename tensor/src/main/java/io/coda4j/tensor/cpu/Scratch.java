package io.coda4j.tensor.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * A little native memory of each thread, of the kind that kernels use for tensors. Valid within one piece of work; a
 * kernel never holds it while it calls another.
 */
final class Scratch {
    /** Floats of one slot; slots are a multiple of a cache line apart, but not of a page. */
    static final int SLOT = 1024;

    private static final int SLOTS = 8;
    private static final long STRIDE = SLOT * 4L + CpuMemory.ALIGNMENT;
    private static final ThreadLocal<Scratch> OF_THREAD = ThreadLocal.withInitial(Scratch::new);

    /** Keeps the memory alive as long as the thread. */
    private final MemorySegment owner = Arena.ofAuto().allocate(SLOTS * STRIDE, CpuMemory.ALIGNMENT);

    private final MemorySegment[] slots = new MemorySegment[SLOTS];

    @SuppressWarnings("restricted")
    private Scratch() {
        // In the global scope, as tensors are: a second kind of scope would slow every loop that sees it.
        var view = MemorySegment.ofAddress(owner.address()).reinterpret(owner.byteSize());
        for (int i = 0; i < SLOTS; i++) {
            slots[i] = view.asSlice(i * STRIDE, SLOT * 4L);
        }
    }

    /** {@code count} slots from slot {@code first} of the calling thread; at most 8 in all. */
    static MemorySegment[] slots(int first, int count) {
        var slots = new MemorySegment[count];
        System.arraycopy(OF_THREAD.get().slots, first, slots, 0, count);
        return slots;
    }

    /** As {@link #slots}, as addresses for {@link Lanes#ALL}. */
    static long[] addresses(int first, int count) {
        var scratch = OF_THREAD.get();
        var addresses = new long[count];
        for (int i = 0; i < count; i++) {
            addresses[i] = scratch.slots[first + i].address();
        }
        return addresses;
    }
}
