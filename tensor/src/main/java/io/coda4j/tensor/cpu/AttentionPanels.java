package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.NR;

import java.lang.foreign.MemorySegment;

/**
 * Right panels made of the rows of one head, and products with them.
 *
 * <p><em>Turned</em> panels of blocks of keys have depth D and a column for each key: they give scores. <em>Straight</em>
 * panels have a step of depth for each row and columns D: they give sums over rows.
 */
final class AttentionPanels {
    private AttentionPanels() {}

    /** Bytes of the turned panels of {@code rows} rows. */
    static long turnedBytes(AttentionShape shape, int rows) {
        return (long) MatmulBlocks.roundUp(rows, NR) * shape.size() * Float.BYTES;
    }

    /** Bytes of the straight panels of {@code rows} rows. */
    static long straightBytes(AttentionShape shape, int rows) {
        return (long) rows * shape.width() * Float.BYTES;
    }

    /** Packs {@code rows} rows of D elements, {@code stride} bytes apart, as turned panels. */
    static void turned(
            AttentionShape shape,
            MemorySegment from,
            long offset,
            long stride,
            int rows,
            MemorySegment to,
            long at,
            AttentionWorkspace workspace) {
        for (int r = 0; r < rows; r += NR) {
            long panel = at + (long) r * shape.size() * Float.BYTES;
            int columns = Math.min(NR, rows - r);
            MatmulPack.turnedPanel(
                    shape.narrow(),
                    from,
                    offset + r * stride,
                    stride,
                    columns,
                    shape.size(),
                    to,
                    panel,
                    workspace.turn,
                    workspace.block);
        }
    }

    /** Packs {@code rows} rows of D elements, {@code stride} bytes apart, as straight panels. */
    static void straight(
            AttentionShape shape, MemorySegment from, long offset, long stride, int rows, MemorySegment to, long at) {
        MatmulPack.panels(shape.narrow(), from, offset, stride, shape.size(), rows, to, at);
    }

    /** {@code to[r][s]} = {@code scale} times row r of {@code left} times key s, for turned panels of a block of keys. */
    static void scores(
            MacroKernel kernel,
            AttentionShape shape,
            AttentionLeft left,
            MemorySegment panels,
            long at,
            int keys,
            float scale,
            HeapScratch.Block to,
            TileScratch scratch) {
        long bytes = (long) NR * shape.size() * Float.BYTES;
        for (int s = 0; s < keys; s += NR) {
            long panel = at + s / NR * bytes;
            long next = s + NR < keys ? panel + bytes : -1;
            left.scores(kernel, shape.size(), panels, panel, next, scale, to, s, scratch);
        }
    }

    /**
     * Adds to the first {@code rows} sums over {@code keys} keys of {@code weights[r][s]} times key s.
     *
     * @param height rows of which the straight panels were made
     */
    static void sumOverKeys(
            MacroKernel kernel,
            AttentionShape shape,
            HeapScratch.Block weights,
            int rows,
            MemorySegment panels,
            long at,
            int height,
            int keys,
            AttentionSums sums,
            TileScratch scratch) {
        boolean add = sums.reach(0, rows);
        var to = sums.segment();
        long bytes = (long) NR * height * Float.BYTES;
        for (int d = 0; d < shape.size(); d += NR) {
            long panel = at + d / NR * bytes;
            long next = d + NR < shape.size() ? panel + bytes : -1;
            int columns = Math.min(NR, shape.size() - d);
            kernel.rows(
                    weights,
                    0,
                    rows,
                    keys,
                    false,
                    panels,
                    panel,
                    next,
                    to,
                    sums.at(0, d),
                    sums.stride(),
                    columns,
                    add,
                    scratch);
        }
    }

    /**
     * Adds to the {@code keys} sums from {@code first} on the sum over {@code rows} queries of {@code weights[r][s]} times query r,
     * for straight panels of the queries.
     */
    static void sumOverQueries(
            MacroKernel kernel,
            AttentionShape shape,
            HeapScratch.Block weights,
            int rows,
            MemorySegment panels,
            long at,
            int keys,
            int first,
            AttentionSums sums,
            TileScratch scratch) {
        boolean add = sums.reach(first, first + keys);
        var to = sums.segment();
        long bytes = (long) NR * rows * Float.BYTES;
        for (int d = 0; d < shape.size(); d += NR) {
            long panel = at + d / NR * bytes;
            long next = d + NR < shape.size() ? panel + bytes : -1;
            int columns = Math.min(NR, shape.size() - d);
            kernel.turned(
                    weights,
                    keys,
                    rows,
                    panels,
                    panel,
                    next,
                    to,
                    sums.at(first, d),
                    sums.stride(),
                    columns,
                    add,
                    scratch);
        }
    }
}
