package io.coda4j.bench.peers;

import java.lang.foreign.MemorySegment;

/** A build of OpenBLAS. */
interface OpenBlas {
    /** Threads that compute from now on. */
    void threads(int threads);

    /** Version and options of the build. */
    String config();

    /** The processor whose kernels run. */
    String core();

    /**
     * One product: y[m,n] = x[m,k] w[k,n], all by rows and in native memory.
     *
     * @param isLeftTransposed whether x lies as [k,m]
     * @param isRightTransposed whether w lies as [n,k]
     */
    void multiply(
            boolean isLeftTransposed,
            boolean isRightTransposed,
            int m,
            int n,
            int k,
            MemorySegment x,
            MemorySegment w,
            MemorySegment y);
}
