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

    /** The product {@code work} of x and w to y[M,N], all F32 in native memory. */
    void multiply(Work.Gemm work, MemorySegment x, MemorySegment w, MemorySegment y);
}
