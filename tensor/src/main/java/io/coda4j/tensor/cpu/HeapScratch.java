package io.coda4j.tensor.cpu;

import java.util.concurrent.atomic.AtomicReference;

/** As {@link NativeScratch}, an array: for left operands, see {@link MicroKernel}. */
final class HeapScratch {
    private final AtomicReference<float[]> idle = new AtomicReference<>(new float[0]);

    /** An array of at least {@code length} floats, of unspecified content. */
    float[] borrow(int length) {
        float[] array = idle.getAndSet(new float[0]);
        return array.length >= length ? array : new float[length];
    }

    /** Hands {@code array} back for the next borrower. */
    void giveBack(float[] array) {
        idle.updateAndGet(old -> old.length > array.length ? old : array);
    }
}
