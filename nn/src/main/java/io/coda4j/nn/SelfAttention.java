package io.coda4j.nn;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import java.util.ArrayList;
import java.util.List;

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
    /** Checked heads. */
    public SelfAttention {
        requireRotary(headDim, ropeTheta);
    }

    /** Requires heads of this width to have rotary positions on this base. */
    static void requireRotary(int headDim, double ropeTheta) {
        if (headDim < 2 || headDim % 2 != 0) {
            throw new IllegalArgumentException(
                    "attention: head size must be positive, and even for rotary positions, got " + headDim);
        }
        if (!(ropeTheta > 0 && Double.isFinite(ropeTheta))) {
            throw new IllegalArgumentException("attention: rope theta must be positive and finite, got " + ropeTheta);
        }
    }

    /** The result of attention with caches: x[B,T,D] and the caches that include it. */
    record Cached(Tensor x, List<KvCache> caches) {}

    /** x[B,T,D] to the same shape. */
    public Tensor apply(Tensor x, View view) {
        return apply(x, view, x, view);
    }

    /** As {@link #apply(Tensor, View)} for the tokens at {@code columns} I32[N] of x[1,T,D] alone, which see all: [1,N,D]. */
    Tensor apply(Tensor x, View view, Tensor columns) {
        return apply(View.columns(x, columns), view.at(columns), x, view);
    }

    private Tensor apply(Tensor seeing, View from, Tensor seen, View of) {
        var mixed = mix(
                queries(seeing, from.positions()),
                keys(seen, of.positions()),
                values(seen),
                from.segments(),
                of.segments(),
                Tensor.full(TensorType.of(DType.I32), 0),
                of.mask());
        return project(mixed);
    }

    /**
     * As {@link #apply(Tensor, View)} for the tokens of windows, side by side in x, of which each sees its own cache with its
     * own keys in it. Only the mixing is done for each window by itself.
     *
     * @param caches one for each window
     */
    Cached apply(Tensor x, Windows windows, List<KvCache> caches) {
        var queries = queries(x, windows.positions());
        var keys = keys(x, windows.positions());
        var values = values(x);
        var next = new ArrayList<KvCache>();
        var mixed = new ArrayList<Tensor>();
        for (int i = 0; i < caches.size(); i++) {
            var view = windows.views().get(i);
            var cache = caches.get(i).with(windows.part(keys, i), windows.part(values, i), view.start());
            next.add(cache);
            mixed.add(mix(
                    windows.part(queries, i),
                    cache.keys(),
                    cache.values(),
                    view.segments(),
                    view.keySegments(),
                    view.start(),
                    view.mask()));
        }
        return new Cached(project(Tensor.concat(1, mixed)), next);
    }

    private Tensor queries(Tensor x, Tensor positions) {
        Argument.requireAxes("attention", "x", x, "B", "T", "D");
        return qNorm.apply(heads("queries", qProj.apply(x))).then(rope(), positions);
    }

    private Tensor keys(Tensor x, Tensor positions) {
        return kNorm.apply(heads("keys", kProj.apply(x))).then(rope(), positions);
    }

    private Tensor values(Tensor x) {
        return heads("values", vProj.apply(x));
    }

    private Primitive rope() {
        return new Primitive.Rope(ropeTheta, false);
    }

    private Tensor mix(
            Tensor queries,
            Tensor keys,
            Tensor values,
            Tensor segments,
            Tensor keySegments,
            Tensor start,
            Primitive.AttentionMask mask) {
        var attention = new Primitive.Attention(1 / Math.sqrt(headDim), mask);
        return queries.then(attention, keys, values, segments, keySegments, start);
    }

    /** mixed[B,T,H,d] to x[B,T,D]. */
    private Tensor project(Tensor mixed) {
        return oProj.apply(mixed.reshape(mixed.dim(0), mixed.dim(1), mixed.dim(2) * headDim));
    }

    /** x[B,T,heads*d] as [B,T,heads,d]. */
    private Tensor heads(String name, Tensor x) {
        Argument.require(x.dim(2) % headDim == 0, "attention", name, "[B,T,heads*" + headDim + "]", x);
        return x.reshape(x.dim(0), x.dim(1), x.dim(2) / headDim, headDim);
    }
}
