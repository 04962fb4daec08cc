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
    /** x[B,T,D] to the same shape. */
    public Tensor apply(Tensor x, View view) {
        int b = x.dim(0);
        int t = x.dim(1);
        var rope = new Primitive.Rope(ropeTheta, false);
        var q = qNorm.apply(heads(qProj.apply(x))).then(rope, view.positions());
        var k = kNorm.apply(heads(kProj.apply(x))).then(rope, view.positions());
        var v = heads(vProj.apply(x));
        var attention = new Primitive.Attention(1 / Math.sqrt(headDim), view.mask());
        var start = Tensor.full(TensorType.of(DType.I32), 0);
        var mixed = q.then(attention, k, v, view.segments(), view.segments(), start);
        return oProj.apply(mixed.reshape(b, t, mixed.dim(2) * headDim));
    }

    /** x[B,T,heads*d] as [B,T,heads,d]. */
    private Tensor heads(Tensor x) {
        return x.reshape(x.dim(0), x.dim(1), x.dim(2) / headDim, headDim);
    }
}
