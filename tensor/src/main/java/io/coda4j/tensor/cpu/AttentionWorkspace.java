package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.AttentionShape.MAX_QUERY_BLOCK;
import static io.coda4j.tensor.cpu.MicroKernel.KC;
import static io.coda4j.tensor.cpu.MicroKernel.LANES;
import static io.coda4j.tensor.cpu.MicroKernel.ROW;

import java.util.Arrays;

/** What one task of an attention writes to before its results are final. */
final class AttentionWorkspace {
    /** Rows of q, packed for {@link MicroKernel#rows}. */
    final HeapScratch.Block queries = HeapScratch.Block.of(MAX_QUERY_BLOCK * ROW + LANES);

    /** Rows of the cotangent of the result, packed likewise. */
    final HeapScratch.Block cotangents = HeapScratch.Block.of(MAX_QUERY_BLOCK * ROW + LANES);

    /** Scores and then probabilities of a block of queries and keys, in rows at distance ROW. */
    final HeapScratch.Block scores = HeapScratch.Block.of(MAX_QUERY_BLOCK * ROW + LANES);

    /** Cotangents of the probabilities and then of the scores, likewise. */
    final HeapScratch.Block slopes = HeapScratch.Block.of(MAX_QUERY_BLOCK * ROW + LANES);

    /** Sums over keys for each query of a block. */
    final HeapScratch.Block sums = HeapScratch.Block.of(MAX_QUERY_BLOCK * KC);

    /** The greatest score so far of each query. */
    final float[] maxima = new float[MAX_QUERY_BLOCK];

    /** The sum of exponentials so far of each query. */
    final float[] totals = new float[MAX_QUERY_BLOCK];

    /** One row of the result. */
    final float[] row = new float[KC];

    /** Room for one vector. */
    final float[] lanes = new float[LANES];

    final float[] tile = new float[MicroKernel.MR * MicroKernel.NR];
    final HeapScratch.Block turn = HeapScratch.Block.of(MatmulPack.TURN);
    final float[] block = new float[MatmulTurn.BLOCK];

    /** Sums over queries for each key; grows to the longest sequence. */
    HeapScratch.Block keys = HeapScratch.Block.of(0);

    HeapScratch.Block values = HeapScratch.Block.of(0);

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

    /** Makes {@link #keys} and {@link #values} zeros of the given length at least. */
    void clearKeySums(int length) {
        if (keys.array().length < length) {
            keys = HeapScratch.Block.of(length);
            values = HeapScratch.Block.of(length);
        } else {
            Arrays.fill(keys.array(), 0, length, 0);
            Arrays.fill(values.array(), 0, length, 0);
        }
    }
}
