package io.coda4j.tensor.cpu.x86;

/** The routine of a {@link VectorLoop}, ready to run. */
@FunctionalInterface
interface LoopCode {
    /**
     * Runs it. All that it touches must be there: nothing is checked.
     *
     * @param memories address of the addresses of its memories
     * @param rows number of rows, from 1 on
     * @param vectors vectors of a row
     * @param constants address of its constants, a vector each
     */
    void run(long memories, long rows, long vectors, long constants);
}
