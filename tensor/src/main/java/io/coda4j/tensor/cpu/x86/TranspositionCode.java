package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.MemorySegment;

/** The routine of {@link Transposition}, ready to run. */
@FunctionalInterface
interface TranspositionCode {
    /** Number of the argument that lies on the stack. */
    int BLOCKS = 0;

    /**
     * Runs it. All that it touches must be there: nothing is checked.
     *
     * @param from memory of the columns, an array or native
     * @param to memory of the steps, likewise
     * @param fromAt byte at which the first column begins
     * @param stride bytes between columns
     * @param toAt byte at which the first step begins
     * @param toStride bytes between steps
     * @param blocks number of blocks of eight steps, at least 1
     */
    void run(MemorySegment from, MemorySegment to, long fromAt, long stride, long toAt, long toStride, long blocks);
}
