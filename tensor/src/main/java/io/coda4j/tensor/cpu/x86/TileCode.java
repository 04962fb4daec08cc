package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.MemorySegment;

/** The routines of {@link TileProduct}, ready to run. */
@FunctionalInterface
interface TileCode {
    /** Numbers of the arguments that lie on the stack. */
    int A_AT = 0;

    int C_AT = 1;
    int A_TILE = 2;
    int NEXT = 3;
    int DEPTH = 4;
    int ADD = 5;
    int SCALE = 6;
    int TILES = 7;
    int AHEAD = 8;

    /**
     * Runs a routine. All that it touches must be there: nothing is checked.
     *
     * @param routine its number
     * @param a memory of the left operand, an array or native
     * @param c memory of the sums, likewise
     * @param panel address of the panel
     * @param aRow bytes from a row to the next one of its tile
     * @param aDepth bytes from an element of a row to the next
     * @param cStride bytes between rows of sums
     * @param aAt byte of {@code a} at which the first row begins
     * @param cAt byte of {@code c} at which the first sum lies
     * @param aTile bytes from a tile of {@code a} to the next
     * @param next address of the panel that is needed after this one, or 0
     * @param depth elements of a sum
     * @param add 1 to add to the sums that are there, 0 to overwrite them
     * @param scale the bits of the factor of the sums
     * @param tiles number of tiles, whose rows of {@code c} follow one another
     * @param ahead cache lines of the next panel that each tile asks for when it begins; with 0 the first asks for all of them, one
     *     step after the other
     */
    void run(
            int routine,
            MemorySegment a,
            MemorySegment c,
            long panel,
            long aRow,
            long aDepth,
            long cStride,
            long aAt,
            long cAt,
            long aTile,
            long next,
            long depth,
            long add,
            long scale,
            long tiles,
            long ahead);
}
