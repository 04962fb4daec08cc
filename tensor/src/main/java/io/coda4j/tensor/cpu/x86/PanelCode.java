package io.coda4j.tensor.cpu.x86;

/** The routines of one {@link PanelKernel}, ready to run. */
@FunctionalInterface
interface PanelCode {
    /** Numbers of the arguments that lie on the stack. */
    int ADD = 0;

    int CONFIGURATION = 1;
    int BLOCKS = 2;

    /**
     * Runs the routine for blocks of {@code tall} rows. All that it touches must be there: nothing is checked.
     *
     * @param a address of the first row
     * @param aStride bytes between rows
     * @param panel address of the panel
     * @param c address of the first row of sums
     * @param cStride bytes between rows of sums
     * @param steps of the depth
     * @param add 1 to add to the sums that are there, 0 to overwrite them
     * @param configuration address of the tile configuration for so many rows
     * @param blocks number of blocks, each of whose rows follow those of the block before; a single row is one block
     */
    void run(
            int tall,
            long a,
            long aStride,
            long panel,
            long c,
            long cStride,
            long steps,
            long add,
            long configuration,
            long blocks);
}
