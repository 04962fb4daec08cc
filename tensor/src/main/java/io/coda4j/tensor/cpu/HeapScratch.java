package io.coda4j.tensor.cpu;

import java.util.concurrent.atomic.AtomicReference;

/** As {@link NativeScratch}, an array: for left operands, see {@link MicroKernel}. */
final class HeapScratch {
    private static final float[] NONE = {};

    private final AtomicReference<float[]> idle = new AtomicReference<>(NONE);

    /** An array of at least {@code length} floats, of unspecified content. */
    float[] borrow(int length) {
        float[] array = idle.getAndSet(NONE);
        return array.length >= length ? array : new float[length];
    }

    /** Hands {@code array} back for the next borrower. */
    void giveBack(float[] array) {
        float[] old = idle.getAndSet(array);
        if (old.length > array.length) {
            idle.compareAndSet(array, old);
        }
    }
}
