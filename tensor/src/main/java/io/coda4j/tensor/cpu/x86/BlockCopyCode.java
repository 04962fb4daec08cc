package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.MemorySegment;

/** The routines of {@link BlockCopy}, ready to run. */
@FunctionalInterface
interface BlockCopyCode {
    /** Numbers of the arguments that lie on the stack. */
    int TO_BLOCK = 0;

    int BLOCKS = 1;
    int ROWS = 2;

    /**
     * Runs a routine. All that it touches must be there: nothing is checked.
     *
     * @param routine its number
     * @param from memory of the rows, an array or native
     * @param to memory of their copies, likewise
     * @param fromAt byte at which the first row begins
     * @param fromRow bytes between rows
     * @param toAt byte at which the first copy begins
     * @param toRow bytes between the copies of two rows
     * @param toBlock bytes between the copies of two blocks of a row
     * @param blocks blocks of a row, at least 1
     * @param rows number of rows, at least 1
     */
    void run(
            int routine,
            MemorySegment from,
            MemorySegment to,
            long fromAt,
            long fromRow,
            long toAt,
            long toRow,
            long toBlock,
            long blocks,
            long rows);
}
