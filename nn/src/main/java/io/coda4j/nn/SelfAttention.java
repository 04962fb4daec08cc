package io.coda4j.nn;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;

/**
 * Grouped-query self-attention with normalised queries and keys and rotary positions, as in Qwen3.
 *
 * @param qProj [H*d, D]
 * @param kProj [K*d, D]
 * @param vProj [K*d, D]
 * @param oProj [D, H*d]
 * @param qNorm [d], shared by all query heads
 * @param kNorm [d], shared by all key heads
 * @param headDim d, the width of a head
 * @param ropeTheta base of the rotary frequencies
 */
public record SelfAttention(
        Linear qProj,
        Linear kProj,
        Linear vProj,
        Linear oProj,
        RmsNormLayer qNorm,
        RmsNormLayer kNorm,
        int headDim,
        double ropeTheta) {
    /** The result of attention with a cache: x[B,T,D] and the cache that includes it. */
    record Cached(Tensor x, KvCache cache) {}

    /** x[B,T,D] to the same shape. */
    public Tensor apply(Tensor x, View view) {
        var keys = keys(x, view.positions());
        var start = Tensor.full(TensorType.of(DType.I32), 0);
        return attend(x, view.positions(), keys, values(x), view.segments(), view.segments(), start, view.mask());
    }

    /** As {@link #apply(Tensor, View)} for the tokens of a window, which see the cache with their own keys in it. */
    Cached apply(Tensor x, CacheView view, KvCache cache) {
        var positions = view.positions();
        var next = cache.with(keys(x, positions), values(x), view.start());
        var out = attend(
                x,
                positions,
                next.keys(),
                next.values(),
                view.segments(),
                view.keySegments(),
                view.start(),
                view.mask());
        return new Cached(out, next);
    }

    private Tensor keys(Tensor x, Tensor positions) {
        return kNorm.apply(heads(kProj.apply(x))).then(rope(), positions);
    }

    private Tensor values(Tensor x) {
        return heads(vProj.apply(x));
    }

    private Primitive rope() {
        return new Primitive.Rope(ropeTheta, false);
    }

    private Tensor attend(
            Tensor x,
            Tensor positions,
            Tensor keys,
            Tensor values,
            Tensor segments,
            Tensor keySegments,
            Tensor start,
            Primitive.AttentionMask mask) {
        var queries = qNorm.apply(heads(qProj.apply(x))).then(rope(), positions);
        var attention = new Primitive.Attention(1 / Math.sqrt(headDim), mask);
        var mixed = queries.then(attention, keys, values, segments, keySegments, start);
        return oProj.apply(mixed.reshape(x.dim(0), x.dim(1), mixed.dim(2) * headDim));
    }

    /** x[B,T,heads*d] as [B,T,heads,d]. */
    private Tensor heads(Tensor x) {
        return x.reshape(x.dim(0), x.dim(1), x.dim(2) / headDim, headDim);
    }
}
