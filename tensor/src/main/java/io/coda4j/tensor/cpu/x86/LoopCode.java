package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.MemorySegment;

/** The routine of a {@link VectorLoop}, ready to run. */
interface LoopCode {
    /**
     * Runs it. All that it touches must be there: nothing is checked.
     *
     * @param memories address of the addresses of its memories
     * @param rows number of rows, from 1 on
     * @param vectors vectors of a row
     * @param constants address of its constants, a vector each
     * @param gap bytes between a row and the next where elements have two
     */
    void run(long memories, long rows, long vectors, long constants, long gap);

    /**
     * Runs it on arrays.
     *
     * @param first array of the first memory
     * @param second array of the second memory, or any
     * @param memories address of the addresses of its memories, but of those in arrays of their offsets in bytes
     */
    void run(
            MemorySegment first,
            MemorySegment second,
            long memories,
            long rows,
            long vectors,
            long constants,
            long gap);
}
