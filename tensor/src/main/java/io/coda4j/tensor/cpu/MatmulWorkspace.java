package io.coda4j.tensor.cpu;

/** What one task of a product writes to before its results are final. */
final class MatmulWorkspace {
    /** Rows of the left operand that a task packs at a time: within a quarter of a second-level cache of 1 MB. */
    static final int MAX_ROWS = 240;

    /** Columns of the result that one task covers at most. */
    static final int MAX_COLUMNS = 512;

    /** The packed left rows; one vector more than they need, see {@link MatmulPack#leftColumns}. */
    final float[] left = new float[MAX_ROWS * MicroKernel.ROW + MicroKernel.LANES];

    /** The tile of {@link MicroKernel}. */
    final float[] tile = new float[MicroKernel.MR * MicroKernel.NR];

    /** Buffers for transposing. */
    final float[] turn = new float[Math.max(MatmulPack.TURN, MatmulTile.TURN)];

    final float[] block = new float[MatmulTurn.BLOCK];

    /** Sums of a task whose part of the result is stored transposed at the end. */
    final NativeScratch.Block sums = NativeScratch.Block.of((long) MAX_ROWS * MAX_COLUMNS * Float.BYTES);
}
