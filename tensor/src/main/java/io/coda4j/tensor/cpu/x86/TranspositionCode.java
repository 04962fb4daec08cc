package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.MemorySegment;

/** The routines of {@link Transposition}, ready to run. */
@FunctionalInterface
interface TranspositionCode {
    /** Numbers of the routines. */
    int WORDS = 0;

    int PAIRS = 1;

    int ROWS = 2;

    /** Numbers of the arguments that lie on the stack. */
    int BLOCKS = 0;

    int PAIR = 1;

    /**
     * Runs a routine. All that it touches must be there: nothing is checked.
     *
     * @param routine its number
     * @param from memory of the columns, an array or native
     * @param to memory of the steps, likewise
     * @param fromAt byte at which the first column begins
     * @param stride bytes between columns
     * @param toAt byte at which the first step begins
     * @param toStride bytes between steps
     * @param blocks number of blocks, at least 1: of steps, or of columns for {@link #ROWS}
     * @param pair bytes from a column to the one with which it shares lanes; of meaning to {@link #PAIRS} alone
     */
    void run(
            int routine,
            MemorySegment from,
            MemorySegment to,
            long fromAt,
            long stride,
            long toAt,
            long toStride,
            long blocks,
            long pair);
}
