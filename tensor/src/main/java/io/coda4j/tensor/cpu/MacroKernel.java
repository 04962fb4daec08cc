package io.coda4j.tensor.cpu;

import io.coda4j.tensor.cpu.x86.TileProduct;
import java.lang.foreign.MemorySegment;

/**
 * Packed left rows times one right panel: the loop over the tiles of {@link MicroKernel}, or what stands in for it. All
 * implementations give the same bits: each sum is one chain of fused multiply-adds in ascending order of the depth, then
 * added to what is there.
 *
 * <p>{@code at} is where the left operand begins in its block, in floats; {@code panel} and {@code next} are bytes at which
 * panels begin, {@code next} that of the panel needed after this one, or -1. Products go to native memory from byte
 * {@code toAt} on, in rows {@code stride} bytes apart, of which the first {@code columns} elements are written.
 */
sealed interface MacroKernel permits VectorMacroKernel, MachineMacroKernel {
    /** Whether {@link #inPlace} and {@link #scoresInPlace} may be called. */
    boolean readsInPlace();

    /**
     * Rows of F32 that are not packed.
     *
     * @param left how they lie in {@code from}, which is native memory, from byte {@code fromAt} on
     */
    void inPlace(
            TileProduct.Left left,
            MemorySegment from,
            long fromAt,
            int rows,
            int depth,
            MemorySegment panels,
            long panel,
            long next,
            MemorySegment to,
            long toAt,
            long stride,
            int columns,
            boolean add,
            TileScratch scratch);

    /** Rows of a tile, of which groups of left columns are made: see {@link MatmulPack#leftColumns}. */
    int height();

    /**
     * Rows packed by {@link MatmulPack#leftRows}.
     *
     * @param narrow whether the panel holds pairs of BF16 elements, see {@link MicroKernel#narrowRows}
     */
    void rows(
            HeapScratch.Block left,
            int at,
            int rows,
            int depth,
            boolean narrow,
            MemorySegment panels,
            long panel,
            long next,
            MemorySegment to,
            long toAt,
            long stride,
            int columns,
            boolean add,
            TileScratch scratch);

    /** Rows packed by {@link MatmulPack#leftColumns}, from the start of their block on. */
    void columns(
            HeapScratch.Block left,
            int rows,
            int depth,
            MemorySegment panels,
            long panel,
            long next,
            MemorySegment to,
            long toAt,
            long stride,
            int columns,
            boolean add,
            TileScratch scratch);

    /**
     * The transpose of rows at distance {@link MicroKernel#ROW}, from the start of their block on: row r of the product is of column r
     * of {@code left}.
     */
    void turned(
            HeapScratch.Block left,
            int rows,
            int depth,
            MemorySegment panels,
            long panel,
            long next,
            MemorySegment to,
            long toAt,
            long stride,
            int columns,
            boolean add,
            TileScratch scratch);

    /**
     * Products with whole panels into rows of an array at distance {@link MicroKernel#ROW}, times {@code scale}. Up to the next
     * multiple of {@link MicroKernel#MR} rows may be written.
     *
     * @param toAt where the first row of sums begins
     */
    void scores(
            HeapScratch.Block left,
            int rows,
            int depth,
            MemorySegment panels,
            long panel,
            long next,
            float scale,
            HeapScratch.Block to,
            int toAt,
            TileScratch scratch);

    /** As {@link #scores}, of rows of F32 that are not packed, as {@link #inPlace}. */
    void scoresInPlace(
            TileProduct.Left left,
            MemorySegment from,
            long fromAt,
            int rows,
            int depth,
            MemorySegment panels,
            long panel,
            long next,
            float scale,
            HeapScratch.Block to,
            int toAt);
}
