package io.coda4j.tensor.cpu;

/** What one task of a product writes to before its results are final. */
final class MatmulWorkspace {
    /** Rows that take a quarter of a second-level cache of 1 MB. */
    static final int COMMON_ROWS = 240;

    /** Rows of the left operand that a task packs at a time. */
    static final int MAX_ROWS = rows(CpuCaches.ofMachine());

    /** Columns of the result that one task covers at most. */
    static final int MAX_COLUMNS = 512;

    /** The packed left rows; one vector more than they need, see {@link MatmulPack#leftColumns}. */
    final HeapScratch.Block left = HeapScratch.Block.of(MAX_ROWS * MicroKernel.ROW + MicroKernel.LANES);

    final TileScratch tiles = new TileScratch(MAX_ROWS);

    /** Buffers for transposing. */
    final HeapScratch.Block turn = HeapScratch.Block.of(Math.max(MatmulPack.TURN, MatmulTile.TURN));

    final float[] block = new float[MatmulTurn.BLOCK];

    /** Sums of a task whose part of the result is stored transposed at the end, with rows up to a whole vector of them. */
    final NativeScratch.Block sums =
            NativeScratch.Block.of(MatmulBlocks.roundUp(MAX_ROWS, MicroKernel.LANES) * sumsStride(MAX_COLUMNS));

    /** Sums of a task with any number of columns, see {@link MatmulKernel}, or panels of a strip, see {@link PackedMatmul}. */
    final NativeScratch scratch = new NativeScratch();

    /** Bytes between rows of sums: a cache line more than they need, because columns are read, whose lines must not share sets. */
    static long sumsStride(int columns) {
        return (columns + 16L) * Float.BYTES;
    }

    /**
     * A quarter of the second-level cache, or half of a small one: with 512 KB, 240 rows were faster than 120. Only rows
     * follow the cache. The depth of a step is the same on every machine, because the order of sums depends on it.
     */
    static int rows(CpuCaches caches) {
        long half = caches.l2() / 2 / (MicroKernel.ROW * Float.BYTES);
        long rows = Math.max(half / 2, Math.min(half, COMMON_ROWS));
        return Math.toIntExact(Math.clamp(rows, 4 * MicroKernel.MR, 2 * COMMON_ROWS) / MicroKernel.MR * MicroKernel.MR);
    }
}
