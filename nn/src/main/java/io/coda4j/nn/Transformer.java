package io.coda4j.nn;

import io.coda4j.autograd.Autograd;
import io.coda4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Embedding, layers and final norm: tokens to hidden states. */
public record Transformer(Embedding embedTokens, List<Block> layers, RmsNormLayer norm) {
    /** What one checkpointed layer depends on; public for {@link io.coda4j.tensor.Tree}. */
    public record LayerInput(Block block, Tensor x, View view) {
        private Tensor output() {
            return block.apply(x, view);
        }
    }

    /** ids I32[B,T] to hidden states [B,T,D]. */
    public Tensor apply(Tensor ids, View view) {
        return apply(ids, view, Probe.NONE);
    }

    /**
     * As {@link #apply(Tensor, View)}, showing {@code embed}, {@code layer.i.attention}, {@code layer.i.mlp}, {@code
     * layer.i.output} and {@code final_norm} to {@code probe}.
     */
    public Tensor apply(Tensor ids, View view, Probe probe) {
        var x = embedTokens.apply(ids);
        probe.see("embed", x);
        for (int i = 0; i < layers.size(); i++) {
            x = layers.get(i).apply(x, view, probe, "layer." + i + ".");
        }
        x = norm.apply(x);
        probe.see("final_norm", x);
        return x;
    }

    /**
     * The result of a pass with caches.
     *
     * @param states [B,T,D] of the window
     * @param caches of all layers, with the window's keys and values
     */
    public record Cached(Tensor states, List<KvCache> caches) {}

    /**
     * Runs the tokens of a window over what {@code caches} hold of the other positions. With the causal mask and all earlier
     * positions cached the result is that of a pass over everything; with the bidirectional mask it is so only while the
     * other positions are as they were when they were cached.
     *
     * @param ids I32[B,T]
     * @param caches one per layer
     */
    public Cached apply(Tensor ids, CacheView view, List<KvCache> caches) {
        var x = embedTokens.apply(ids);
        var next = new ArrayList<KvCache>();
        for (int i = 0; i < layers.size(); i++) {
            var layer = layers.get(i).apply(x, view, caches.get(i));
            x = layer.x();
            next.add(layer.cache());
        }
        return new Cached(norm.apply(x), next);
    }

    /** As {@link #apply(Tensor, View)}, staged as {@code staging} says. */
    public Tensor apply(Tensor ids, View view, Staging staging) {
        var x = staging.place(embedTokens.apply(ids));
        for (var block : layers) {
            var in = new LayerInput(block, x, view);
            x = staging.place(staging.checkpoint() ? Autograd.checkpoint(LayerInput::output, in) : in.output());
        }
        return norm.apply(x);
    }
}
