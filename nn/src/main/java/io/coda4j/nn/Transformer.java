package io.coda4j.nn;

import io.coda4j.autograd.Autograd;
import io.coda4j.tensor.Loop;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.Tree;
import java.util.ArrayList;
import java.util.List;

/**
 * Embedding, layers and final norm: tokens to hidden states.
 *
 * <p>The layers come in two forms. One by one, each pass lists them all: what checkpoints hold, and what caches, probes
 * and devices that run one operation after another want. Stacked, one block holds the tensors of all layers along a new
 * first axis, and a pass is one loop: what a compiler wants, because it then compiles one layer. {@link #stacked()} and
 * {@link #unstacked()} lead from one to the other; results agree up to rounding. A device without loops runs the steps one
 * after the other and copies each layer's slices of the stacks.
 *
 * @param layers the blocks in order, or a single stacked one
 */
public record Transformer(Embedding embedTokens, List<Block> layers, RmsNormLayer norm) {
    /** What one checkpointed layer depends on; public for {@link Tree}. */
    public record LayerInput(Block block, Tensor x, View view) {
        private Tensor output() {
            return block.apply(x, view);
        }
    }

    /**
     * A transformer of these layers.
     *
     * @throws IllegalArgumentException if there is none
     */
    public Transformer {
        require(!layers.isEmpty(), "needs at least one layer, got none");
    }

    /** Whether the layers are stacked into one block. */
    public boolean isStacked() {
        return layers.size() == 1 && layers.getFirst().isStacked();
    }

    /** The same layers as one stacked block. */
    public Transformer stacked() {
        return isStacked() ? this : new Transformer(embedTokens, List.of(Block.stack(layers)), norm);
    }

    /** The same layers one by one. */
    public Transformer unstacked() {
        return isStacked() ? new Transformer(embedTokens, layers.getFirst().unstack(), norm) : this;
    }

    private void requireLayers(String what) {
        if (isStacked()) {
            throw new IllegalStateException(
                    "transformer: " + what + " needs the layers one by one, but they are stacked; use unstacked()");
        }
    }

    /** Token vectors [B,T,D] in the element type of the norms, in which everything is computed: matrices may be narrower. */
    private Tensor embed(Tensor ids) {
        Argument.requireIntegers("transformer", "ids", ids, "B", "T");
        return embedTokens.apply(ids).convert(norm.weight().dtype());
    }

    /** ids I32[B,T] to hidden states [B,T,D]. */
    public Tensor apply(Tensor ids, View view) {
        return apply(ids, view, Staging.PLAIN);
    }

    /**
     * As {@link #apply(Tensor, View)}, showing {@code embed}, {@code layer.i.attention}, {@code layer.i.mlp}, {@code
     * layer.i.output} and {@code final_norm} to {@code probe}.
     *
     * @throws IllegalStateException if the layers are stacked
     */
    public Tensor apply(Tensor ids, View view, Probe probe) {
        requireLayers("a probe");
        var x = embed(ids);
        probe.see("embed", x);
        for (int i = 0; i < layers.size(); i++) {
            x = layers.get(i).apply(x, view, probe, "layer." + i + ".");
        }
        x = norm.apply(x);
        probe.see("final_norm", x);
        return x;
    }

    /**
     * The hidden states [N,D] at {@code columns} I32[N] of one row ids I32[1,T]. In the last layer only these columns are
     * computed, of the others nothing but keys and values.
     *
     * @throws IllegalArgumentException if the mask is causal
     * @throws IllegalStateException if the layers are stacked
     */
    public Tensor apply(Tensor ids, View view, Tensor columns) {
        requireLayers("a pass for some columns");
        Argument.requireIntegers("transformer", "columns", columns, "N");
        Argument.requireIntegers("transformer", "ids", ids, "B", "T");
        Argument.require(ids.dim(0) == 1, "transformer", "ids of a pass for some columns", "i32[1,T]", ids);
        var x = embed(ids);
        for (var block : layers.subList(0, layers.size() - 1)) {
            x = block.apply(x, view);
        }
        var states = norm.apply(layers.getLast().apply(x, view, columns));
        return states.reshape(states.dim(1), states.dim(2));
    }

    /**
     * The result of a pass with caches.
     *
     * @param states [B,T,D] of the window
     * @param caches of all layers, with the window's keys and values
     */
    public record Cached(Tensor states, List<KvCache> caches) {}

    /**
     * The result of a pass over several windows with caches.
     *
     * @param states [1,T,D] of all windows
     * @param caches of each window, those of all layers
     */
    public record CachedWindows(Tensor states, List<List<KvCache>> caches) {}

    /**
     * Runs the tokens of a window over what {@code caches} hold of the other positions. With the causal mask and all earlier
     * positions cached the result is that of a pass over everything; with the bidirectional mask it is so only while the
     * other positions are as they were when they were cached.
     *
     * @param ids I32[B,T]
     * @param caches one per layer
     * @throws IllegalStateException if the layers are stacked
     */
    public Cached apply(Tensor ids, CacheView view, List<KvCache> caches) {
        var pass = apply(ids, List.of(view), List.of(caches));
        return new Cached(pass.states, pass.caches.getFirst());
    }

    /**
     * As {@link #apply(Tensor, CacheView, List)} for windows of several rows at once, each with caches of its own, which may
     * differ in length. Products read the weights once for all of them; tokens of different windows do not see each
     * other.
     *
     * @param ids I32[1,T], the tokens of all windows side by side
     * @param views of the windows in the same order, each of one row
     * @param caches for each window one per layer
     * @throws IllegalStateException if the layers are stacked
     */
    public CachedWindows apply(Tensor ids, List<CacheView> views, List<List<KvCache>> caches) {
        requireLayers("a cache");
        requireCaches(views, caches);
        var windows = Windows.of(views);
        var x = embed(ids);
        var next = new ArrayList<List<KvCache>>();
        caches.forEach(_ -> next.add(new ArrayList<>()));
        for (int i = 0; i < layers.size(); i++) {
            int layer = i;
            var output = layers.get(i)
                    .apply(
                            x,
                            windows,
                            caches.stream().map(all -> all.get(layer)).toList());
            x = output.x();
            for (int window = 0; window < next.size(); window++) {
                next.get(window).add(output.caches().get(window));
            }
        }
        return new CachedWindows(norm.apply(x), next);
    }

    private void requireCaches(List<CacheView> views, List<List<KvCache>> caches) {
        require(
                caches.size() == views.size(),
                "each of " + views.size() + " windows needs its caches, got those of " + caches.size());
        for (var window : caches) {
            require(
                    window.size() == layers.size(),
                    "a window needs one cache for each of " + layers.size() + " layers, got " + window.size());
        }
    }

    private static void require(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException("transformer: " + message);
        }
    }

    /** As {@link #apply(Tensor, View)}, staged as {@code staging} says. */
    public Tensor apply(Tensor ids, View view, Staging staging) {
        var x = staging.place(embed(ids));
        return norm.apply(isStacked() ? looped(x, view, staging) : listed(x, view, staging));
    }

    private Tensor listed(Tensor x, View view, Staging staging) {
        for (var block : layers) {
            var in = new LayerInput(block, x, view);
            x = staging.place(staging.checkpoint() ? Autograd.checkpoint(LayerInput::output, in) : in.output());
        }
        return x;
    }

    private Tensor looped(Tensor x, View view, Staging staging) {
        var block = layers.getFirst();
        return Loop.over(Tree.tensors(block))
                .with(Tree.tensors(view))
                .checkpointed(staging.checkpoint())
                .scan(
                        (carries, constants, slices) -> {
                            var in = new LayerInput(
                                    Tree.filled(block, slices), carries.getFirst(), Tree.filled(view, constants));
                            return List.of(staging.place(in.output()));
                        },
                        List.of(x))
                .getFirst();
    }
}
