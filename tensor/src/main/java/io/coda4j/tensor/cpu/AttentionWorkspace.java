package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.AttentionShape.MAX_QUERY_BLOCK;
import static io.coda4j.tensor.cpu.MicroKernel.KC;
import static io.coda4j.tensor.cpu.MicroKernel.LANES;
import static io.coda4j.tensor.cpu.MicroKernel.ROW;

/** What one task of an attention writes to before its results are final. */
final class AttentionWorkspace {
    /** Rows of q. */
    final AttentionLeft queries = new AttentionLeft();

    /** Rows of the cotangent of the result. */
    final AttentionLeft cotangents = new AttentionLeft();

    /** Scores and then probabilities of a block of queries and keys, in rows at distance ROW. */
    final HeapScratch.Block scores = HeapScratch.Block.of(MAX_QUERY_BLOCK * ROW + LANES);

    /** Cotangents of the probabilities and then of the scores, likewise. */
    final HeapScratch.Block slopes = HeapScratch.Block.of(MAX_QUERY_BLOCK * ROW + LANES);

    /** Sums over keys for each query of a block. */
    final AttentionSums sums = new AttentionSums();

    /** Sums over queries for each key. */
    final AttentionSums keys = new AttentionSums();

    final AttentionSums values = new AttentionSums();

    /** The greatest score so far of each query. */
    final Column maxima = new Column(MAX_QUERY_BLOCK);

    /** The sum of exponentials so far of each query. */
    final Column totals = new Column(MAX_QUERY_BLOCK);

    /** What the exponentials of each query are relative to. */
    final Column bases = new Column(MAX_QUERY_BLOCK);

    /** The greatest score of each query in a block of keys. */
    final Column greatest = new Column(MAX_QUERY_BLOCK);

    /** The sum of exponentials of each query in a block of keys. */
    final Column added = new Column(MAX_QUERY_BLOCK);

    /** Room for one vector. */
    final float[] lanes = new float[LANES];

    final TileScratch tiles = new TileScratch(Math.max(MAX_QUERY_BLOCK, KC));
    final HeapScratch.Block turn = HeapScratch.Block.of(MatmulPack.TURN);
    final float[] block = new float[MatmulTurn.BLOCK];

    /** The segments of the keys of one batch row; grows to the longest sequence. */
    int[] segments = {};

    /** Right panels; grows to the longest sequence. */
    NativeScratch.Block panels = NativeScratch.Block.of(1 << 16);

    /** Makes room for the segments of {@code keys} keys. */
    int[] segments(int keys) {
        if (segments.length < keys) {
            segments = new int[keys];
        }
        return segments;
    }

    /** Makes room for {@code bytes} of panels. */
    void reserve(long bytes) {
        if (panels.segment().byteSize() < bytes) {
            panels = NativeScratch.Block.of(bytes);
        }
    }
}
