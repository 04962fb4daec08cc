package io.coda4j.tensor.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Native memory that kernels borrow for the time of one run, so that all products of a program share one block.
 *
 * <p>The block grows to the greatest request. Where two runs overlap, the second gets a block of its own.
 */
final class NativeScratch {
    /** A block on loan; {@code owner} keeps the memory alive, {@code segment} is the same memory without checks. */
    record Block(MemorySegment owner, MemorySegment segment) {
        @SuppressWarnings("restricted")
        static Block of(long bytes) {
            var owner = HugePages.ofProcess().allocate(Arena.ofAuto(), bytes);
            return new Block(owner, MemorySegment.ofAddress(owner.address()).reinterpret(bytes));
        }
    }

    private final AtomicReference<@Nullable Block> idle = new AtomicReference<>(Block.of(1 << 16));

    /** A block of at least {@code bytes} bytes, of unspecified content, 64-byte aligned. */
    Block borrow(long bytes) {
        var block = idle.getAndSet(null);
        return block != null && block.segment.byteSize() >= bytes ? block : Block.of(bytes);
    }

    /** Hands {@code block} back for the next borrower. */
    void giveBack(Block block) {
        var old = idle.getAndSet(block);
        if (old != null && old.segment.byteSize() > block.segment.byteSize()) {
            idle.compareAndSet(block, old);
        }
    }
}
