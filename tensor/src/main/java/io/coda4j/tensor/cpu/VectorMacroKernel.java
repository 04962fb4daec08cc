package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.MR;
import static io.coda4j.tensor.cpu.MicroKernel.ROW;

import io.coda4j.tensor.cpu.x86.TileProduct;
import java.lang.foreign.MemorySegment;

/** The Vector API's: tile after tile against the panel, which stays in the first-level cache. */
final class VectorMacroKernel implements MacroKernel {
    @Override
    public boolean readsInPlace() {
        return false;
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
        throw packedRowsOnly();
    }

    @Override
    public int height() {
        return MR;
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
        float[] tile = scratch.tile;
        int height;
        for (int r = 0; r < rows; r += height) {
            height = MicroKernel.tileRows(rows - r);
            if (narrow) {
                MicroKernel.narrowRows(height, depth, left.array(), at + r * ROW, panels, panel, tile);
            } else {
                MicroKernel.rows(height, depth, left.array(), at + r * ROW, panels, panel, tile);
            }
            MatmulTile.put(tile, to, toAt + r * stride, stride, Math.min(height, rows - r), columns, add);
        }
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
        float[] tile = scratch.tile;
        int group = MatmulPack.group(MR);
        for (int r = 0; r < rows; r += MR) {
            MicroKernel.columns(depth, left.array(), r / MR * group, panels, panel, tile);
            MatmulTile.put(tile, to, toAt + r * stride, stride, Math.min(MR, rows - r), columns, add);
        }
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
        float[] tile = scratch.tile;
        for (int r = 0; r < rows; r += MR) {
            MicroKernel.turnedRows(depth, left.array(), r, panels, panel, tile);
            MatmulTile.put(tile, to, toAt + r * stride, stride, Math.min(MR, rows - r), columns, add);
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
        float[] tile = scratch.tile;
        for (int r = 0; r < rows; r += MR) {
            MicroKernel.rows(depth, left.array(), r * ROW, panels, panel, tile);
            AttentionRows.scaled(tile, scale, to.array(), r * ROW + toAt);
        }
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
        throw packedRowsOnly();
    }

    private static IllegalStateException packedRowsOnly() {
        return new IllegalStateException("the vector kernels read packed rows");
    }
}
