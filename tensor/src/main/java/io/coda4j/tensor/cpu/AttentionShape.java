package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.TensorType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;

/**
 * The sizes of an attention over q[B,T,H,D], k[B,S,K,D], v[B,S,K,D] and how it is cut into blocks.
 *
 * @param batch B
 * @param queries T
 * @param keys S
 * @param heads H
 * @param keyHeads K
 * @param size D
 * @param scale factor on the scores
 * @param causal whether later keys are hidden
 * @param narrow whether q, k, v and the result are BF16
 */
record AttentionShape(
        int batch,
        int queries,
        int keys,
        int heads,
        int keyHeads,
        int size,
        float scale,
        boolean causal,
        boolean narrow) {
    /** Keys whose scores are computed together; they are the depth of the product with the values. */
    static final int KEY_BLOCK = MicroKernel.KC;

    /** Query rows whose scores are computed together: with the block of keys, within a second-level cache. */
    static final int MAX_QUERY_BLOCK = 144;

    static AttentionShape of(List<TensorType> in, double scale, AttentionMask mask) {
        var q = in.get(0);
        var k = in.get(1);
        return new AttentionShape(
                q.dim(0),
                q.dim(1),
                k.dim(1),
                q.dim(2),
                k.dim(2),
                q.dim(3),
                (float) scale,
                mask == AttentionMask.CAUSAL,
                q.dtype() == DType.BF16);
    }

    /** Whether the kernels serve {@code in}: F32 or BF16 with heads that fit one pass of the micro-kernel. */
    static boolean supports(List<TensorType> in) {
        return in.getFirst().dtype() != DType.F64 && in.getFirst().dim(3) <= MicroKernel.KC;
    }

    int group() {
        return heads / keyHeads;
    }

    /** D in whole tiles: the distance of rows in the arrays that sums go to. */
    int width() {
        return MatmulBlocks.roundUp(size, MicroKernel.NR);
    }

    /** Rows of a block of queries. */
    int queryBlock() {
        int blocks = Math.max(1, MatmulBlocks.count(queries, MAX_QUERY_BLOCK));
        return MatmulBlocks.roundUp(Math.max(1, MatmulBlocks.count(queries, blocks)), MicroKernel.MR);
    }

    private int bytes() {
        return narrow ? Short.BYTES : Float.BYTES;
    }

    /** The byte of row {@code t} of head {@code h} in a tensor like q. */
    long queryAt(int b, int t, int h) {
        return (((long) b * queries + t) * heads + h) * size * bytes();
    }

    /** The byte of row {@code s} of head {@code h} in a tensor like k. */
    long keyAt(int b, int s, int h) {
        return (((long) b * keys + s) * keyHeads + h) * size * bytes();
    }

    /** Bytes of a row of one head in a tensor like q or k. */
    long rowBytes() {
        return (long) size * bytes();
    }

    /** Bytes of a tensor like q. */
    long queryBytes() {
        return batch * (long) queries * queryStride();
    }

    /** Bytes between rows of one head in a tensor like q. */
    long queryStride() {
        return (long) heads * size * bytes();
    }

    /** Bytes between rows of one head in a tensor like k. */
    long keyStride() {
        return (long) keyHeads * size * bytes();
    }

    /** The byte of a query in logSumExp[B,H,T]. */
    long logSumExpAt(int b, int h, int t) {
        return (((long) b * heads + h) * queries + t) * Float.BYTES;
    }

    /** Keys that query {@code t} may see by position: those before the result, clamped to 0..S. */
    int horizon(int start, int t) {
        return causal ? Math.clamp((long) start + t + 1, 0, keys) : keys;
    }

    /** Reads the segments of a batch row's keys, and tells whether any query or key is of another than the rest. */
    boolean segments(MemorySegment querySegments, MemorySegment keySegments, int b, int[] segments) {
        MemorySegment.copy(keySegments, ValueLayout.JAVA_INT, (long) b * keys * 4, segments, 0, keys);
        if (keys == 0 || queries == 0) {
            return false;
        }
        // Elements are equal if each is its successor.
        long bytes = queries * (long) Integer.BYTES;
        long from = b * bytes;
        long last = from + bytes - Integer.BYTES;
        boolean mixedQueries = MemorySegment.mismatch(
                        querySegments, from, last, querySegments, from + Integer.BYTES, last + Integer.BYTES)
                >= 0;
        return mixedQueries
                || querySegments.get(ValueLayout.JAVA_INT, from) != segments[0]
                || !Arrays.equals(segments, 0, keys - 1, segments, 1, keys);
    }

    int segment(MemorySegment querySegments, int b, int t) {
        return querySegments.get(ValueLayout.JAVA_INT, ((long) b * queries + t) * 4);
    }
}
