package io.coda4j.tensor.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * What a task needs a little of and each thread keeps: native memory of the kind that kernels use for tensors, and arrays
 * to pass addresses in. Valid within one task; a kernel never holds it while it calls another.
 */
final class Scratch {
    /** Floats of one slot; slots are a multiple of a cache line apart, but not of a page. */
    static final int SLOT = 1024;

    private static final int SLOTS = 8;
    private static final long STRIDE = SLOT * 4L + CpuMemory.ALIGNMENT;
    private static final ThreadLocal<Scratch> OF_THREAD = ThreadLocal.withInitial(Scratch::new);

    /** Addresses of operands, and of the results where they are passed apart. */
    final long[] in = new long[SLOTS];

    final long[] out = new long[SLOTS];

    /** Addresses of one block of what {@link #in} holds. */
    final long[] block = new long[SLOTS];

    /** The call of a loop in machine code that the task makes next. */
    final LoopCall call;

    /** Keeps the memory alive as long as the thread. */
    private final MemorySegment owner = Arena.ofAuto().allocate(SLOTS * STRIDE + LoopCall.BYTES, CpuMemory.ALIGNMENT);

    private final MemorySegment[] slots = new MemorySegment[SLOTS];
    private int[] index = {};

    @SuppressWarnings("restricted")
    private Scratch() {
        // In the global scope, as tensors are: a second kind of scope would slow every loop that sees it.
        var view = MemorySegment.ofAddress(owner.address()).reinterpret(owner.byteSize());
        for (int i = 0; i < SLOTS; i++) {
            slots[i] = view.asSlice(i * STRIDE, SLOT * 4L);
        }
        call = new LoopCall(owner.address() + SLOTS * STRIDE);
    }

    /** That of the calling thread. */
    static Scratch ofThread() {
        return OF_THREAD.get();
    }

    /** Memory for {@link #SLOT} floats, of which there are eight. */
    MemorySegment slot(int number) {
        return slots[number];
    }

    /** Where a slot lies, for {@link Lanes#ALL}. */
    long address(int number) {
        return slots[number].address();
    }

    /** An array of at least {@code rank} numbers, of unspecified content. */
    int[] index(int rank) {
        if (index.length < rank) {
            index = new int[rank];
        }
        return index;
    }
}
