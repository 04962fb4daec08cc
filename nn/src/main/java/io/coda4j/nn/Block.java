package io.coda4j.nn;

import io.coda4j.tensor.Tensor;

/** One transformer layer: pre-normalised attention and feed-forward, each added to the residual stream. */
public record Block(
        RmsNormLayer inputLayernorm, SelfAttention selfAttn, RmsNormLayer postAttentionLayernorm, SwiGluMlp mlp) {
    /** x[B,T,D] to the same shape. */
    public Tensor apply(Tensor x, View view) {
        return apply(x, view, Probe.NONE, "");
    }

    /** As {@link #apply(Tensor, View)} for the tokens of a window; see {@link CacheView}. */
    SelfAttention.Cached apply(Tensor x, CacheView view, KvCache cache) {
        var attention = selfAttn.apply(inputLayernorm.apply(x), view, cache);
        var middle = x.add(attention.x());
        return new SelfAttention.Cached(middle.add(mlp.apply(postAttentionLayernorm.apply(middle))), attention.cache());
    }

    Tensor apply(Tensor x, View view, Probe probe, String name) {
        var attention = selfAttn.apply(inputLayernorm.apply(x), view);
        probe.see(name + "attention", attention);
        var middle = x.add(attention);
        var feedForward = mlp.apply(postAttentionLayernorm.apply(middle));
        probe.see(name + "mlp", feedForward);
        var output = middle.add(feedForward);
        probe.see(name + "output", output);
        return output;
    }
}
