package io.coda4j.tensor.exec;

import io.coda4j.tensor.spi.Buffer;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Storage of a device as the executor needs it. */
public interface Memory {
    /** Storage for {@code bytes} bytes, 64-byte aligned, of unspecified content; owned by the caller. */
    Buffer allocate(long bytes);

    /** A view of part of {@code slab}, valid as long as it; closing a view does nothing. */
    Buffer view(Buffer slab, long offset, long bytes);

    /** Copies all bytes of {@code from} to {@code to}. */
    void copy(Buffer from, Buffer to);

    /**
     * What {@code work} gives, which reads or writes storage by its address: a device that another thread closes meanwhile keeps
     * the storage until the work is done.
     */
    default <R> R whileOpen(Supplier<R> work) {
        return work.get();
    }

    /** Told before storage that held one value gets another: what was derived from the value is then of no use. */
    default void changing(Buffer buffer) {}

    /**
     * Has the garbage collector look for buffers that nobody can reach any more, whose cleaners then give their storage back.
     * Waits for them until {@code isEnough}, some milliseconds at the most; no lock may be held that they need.
     */
    static void collectUnreachable(BooleanSupplier isEnough) {
        System.gc();
        for (int millis = 1; millis <= 16 && !isEnough.getAsBoolean(); millis *= 2) {
            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(millis));
        }
    }

    /**
     * The size of the block that a pool should use for {@code bytes} bytes, so that few different sizes are in use: four
     * classes per power of two, which waste at most a quarter of a block.
     */
    static long sizeClass(long bytes) {
        if (bytes <= 256) {
            return 256;
        }
        long step = Long.highestOneBit(bytes - 1) >>> 2;
        return (bytes + step - 1) / step * step;
    }
}
