package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.NR;
import static io.coda4j.tensor.cpu.MicroKernel.ROW;

import io.coda4j.tensor.cpu.x86.TileProduct;
import java.lang.foreign.MemorySegment;

/** Machine code's: one call for all tiles. Where the panel has columns that are not wanted, the sums go to an array first. */
final class MachineMacroKernel implements MacroKernel {
    private static final TileProduct.Left ROWS = TileProduct.Left.rows(ROW * (long) Float.BYTES, Float.BYTES);
    private static final TileProduct.Left TURNED = TileProduct.Left.rows(Float.BYTES, ROW * (long) Float.BYTES);
    private static final long EDGE_STRIDE = NR * (long) Float.BYTES;

    private final TileProduct product;
    private final TileProduct.Left groups;

    /** {@code product} must have panels of {@link MicroKernel#NR} columns. */
    MachineMacroKernel(TileProduct product) {
        this.product = product;
        this.groups = new TileProduct.Left(
                Float.BYTES,
                product.rows() * (long) Float.BYTES,
                MatmulPack.group(product.rows()) * (long) Float.BYTES);
    }

    @Override
    public boolean readsInPlace() {
        return true;
    }

    @Override
    public void inPlace(
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
            TileScratch scratch) {
        multiply(left, from, fromAt, rows, depth, false, panels, panel, next, to, toAt, stride, columns, add, scratch);
    }

    @Override
    public int height() {
        return product.rows();
    }

    @Override
    public void rows(
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
            TileScratch scratch) {
        var from = left.segment();
        multiply(
                ROWS, from, at * 4L, rows, depth, narrow, panels, panel, next, to, toAt, stride, columns, add, scratch);
    }

    @Override
    public void columns(
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
            TileScratch scratch) {
        var from = left.segment();
        multiply(groups, from, 0, rows, depth, false, panels, panel, next, to, toAt, stride, columns, add, scratch);
    }

    @Override
    public void turned(
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
            TileScratch scratch) {
        var from = left.segment();
        multiply(TURNED, from, 0, rows, depth, false, panels, panel, next, to, toAt, stride, columns, add, scratch);
    }

    private void multiply(
            TileProduct.Left layout,
            MemorySegment left,
            long from,
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
            TileScratch scratch) {
        if (columns == NR) {
            product.multiply(layout, left, from, rows, depth, narrow, panels, panel, next, to, toAt, stride, 1, add);
        } else {
            var edge = scratch.edge;
            product.multiply(
                    layout,
                    left,
                    from,
                    rows,
                    depth,
                    narrow,
                    panels,
                    panel,
                    next,
                    edge.segment(),
                    0,
                    EDGE_STRIDE,
                    1,
                    false);
            MatmulTile.edge(edge.array(), to, toAt, stride, rows, columns, add);
        }
    }

    @Override
    public void scores(
            HeapScratch.Block left,
            int rows,
            int depth,
            MemorySegment panels,
            long panel,
            long next,
            float scale,
            HeapScratch.Block to,
            int toAt,
            TileScratch scratch) {
        scoresInPlace(ROWS, left.segment(), 0, rows, depth, panels, panel, next, scale, to, toAt);
    }

    @Override
    public void scoresInPlace(
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
            int toAt) {
        long at = toAt * (long) Float.BYTES;
        var sums = to.segment();
        long stride = ROWS.row();
        product.multiply(left, from, fromAt, rows, depth, false, panels, panel, next, sums, at, stride, scale, false);
    }
}
