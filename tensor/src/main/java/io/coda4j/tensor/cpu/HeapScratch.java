package io.coda4j.tensor.cpu;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicReference;

/** As {@link NativeScratch}, an array: for left operands, see {@link MicroKernel}. */
final class HeapScratch {
    /** An array, and the same as machine code is given it. */
    record Block(float[] array, MemorySegment segment) {
        static Block of(int length) {
            float[] array = new float[length];
            return new Block(array, MemorySegment.ofArray(array));
        }
    }

    private static final Block NONE = Block.of(0);

    private final AtomicReference<Block> idle = new AtomicReference<>(NONE);

    /** A block of at least {@code length} floats, of unspecified content. */
    Block borrow(int length) {
        var block = idle.getAndSet(NONE);
        return block.array.length >= length ? block : Block.of(length);
    }

    /** Hands {@code block} back for the next borrower. */
    void giveBack(Block block) {
        var old = idle.getAndSet(block);
        if (old.array.length > block.array.length) {
            idle.compareAndSet(block, old);
        }
    }
}
