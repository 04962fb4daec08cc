package io.coda4j.nn;

import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.Tree;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/** One transformer layer: pre-normalised attention and feed-forward, each added to the residual stream. */
public record Block(
        RmsNormLayer inputLayernorm, SelfAttention selfAttn, RmsNormLayer postAttentionLayernorm, SwiGluMlp mlp) {
    /** Whether the tensors are those of several layers, stacked along a new first axis. */
    boolean isStacked() {
        return inputLayernorm.weight().rank() == 2;
    }

    /** The tensors of {@code layers}, which must be alike, stacked along a new first axis. */
    static Block stack(List<Block> layers) {
        var leaves = layers.stream().map(Tree::leaves).toList();
        return Tree.map(
                layers.getFirst(),
                (path, _) -> LayerStacks.stack(leaves.stream()
                        .map(named -> Objects.requireNonNull(named.get(path)))
                        .toList()));
    }

    /** The layers that were stacked into this block. */
    List<Block> unstack() {
        return IntStream.range(0, inputLayernorm.weight().dim(0))
                .mapToObj(i -> Tree.map(this, (_, stack) -> LayerStacks.slice(stack, i)))
                .toList();
    }

    /** x[B,T,D] to the same shape. */
    public Tensor apply(Tensor x, View view) {
        return apply(x, view, Probe.NONE, "");
    }

    /** As {@link #apply(Tensor, View)} for the tokens at {@code columns} I32[N] of x[1,T,D] alone, which see all: [1,N,D]. */
    Tensor apply(Tensor x, View view, Tensor columns) {
        var attention = selfAttn.apply(inputLayernorm.apply(x), view, columns);
        var middle = View.columns(x, columns).add(attention);
        return middle.add(mlp.apply(postAttentionLayernorm.apply(middle)));
    }

    /** As {@link #apply(Tensor, View)} for the tokens of windows, each with its cache; see {@link CacheView}. */
    SelfAttention.Cached apply(Tensor x, Windows windows, List<KvCache> caches) {
        var attention = selfAttn.apply(inputLayernorm.apply(x), windows, caches);
        var middle = x.add(attention.x());
        return new SelfAttention.Cached(
                middle.add(mlp.apply(postAttentionLayernorm.apply(middle))), attention.caches());
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
