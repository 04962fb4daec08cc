package io.coda4j.tensor.cpu;

/** Where a {@link MacroKernel} puts sums before they go where they belong. */
final class TileScratch {
    /** Sums of all rows and one panel, of which the result has not all columns. */
    final HeapScratch.Block edge;

    /** The tile of {@link MicroKernel}. */
    final float[] tile = new float[MicroKernel.MR * MicroKernel.NR];

    /** For up to {@code rows} rows at a time. */
    TileScratch(int rows) {
        edge = HeapScratch.Block.of(rows * MicroKernel.NR);
    }
}
