package io.coda4j.nn;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.Tree;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A transformer with a head over the vocabulary. Its tree paths, written in snake case, are the keys of Hugging Face
 * checkpoints; see {@link HfNames}.
 *
 * @param lmHead [V,D], or null where the head is tied to the embedding
 */
public record LanguageModel(Transformer model, @Nullable Linear lmHead) {
    /** The head's weight [V,D]: its own, or the embedding's. */
    public Tensor headWeight() {
        return lmHead == null ? model.embedTokens().weight() : lmHead.weight();
    }

    /** The head: its own, or the embedding seen as a linear map. */
    public Linear head() {
        return lmHead == null ? new DenseLinear(model.embedTokens().weight()) : lmHead;
    }

    /** The same model with its layers stacked; see {@link Transformer}. */
    public LanguageModel stacked() {
        return new LanguageModel(model.stacked(), lmHead);
    }

    /** The same model with its layers one by one. */
    public LanguageModel unstacked() {
        return new LanguageModel(model.unstacked(), lmHead);
    }

    /** The same model with its weights rounded or widened to {@code dtype}; gradients come back in the weights' own. */
    public LanguageModel as(DType dtype) {
        return Tree.map(this, (_, weight) -> weight.convert(dtype));
    }

    /** The paths of the tensors that are stacks of all layers' tensors: none where layers are one by one. */
    public Set<String> stacks() {
        return model.isStacked()
                ? Tree.leaves(this).keySet().stream()
                        .filter(LayerStacks::isLayered)
                        .collect(Collectors.toUnmodifiableSet())
                : Set.of();
    }

    /** Hidden states […,D] to logits [...,V]. */
    public Tensor logits(Tensor hidden) {
        return head().apply(hidden);
    }

    /** Logits [N,V] at {@code positions} I32[N] of hidden[B,T,D], whose rows are counted as [B*T]. */
    public Tensor logits(Tensor hidden, Tensor positions) {
        Argument.requireAxes("logits", "hidden", hidden, "B", "T", "D");
        var rows = hidden.reshape(hidden.dim(0) * hidden.dim(1), hidden.dim(2));
        return logits(head(), rows, positions);
    }

    /** Logits [N,V] of {@code head} at {@code positions} I32[N] of hidden[T,D]. */
    public static Tensor logits(Linear head, Tensor hidden, Tensor positions) {
        return head.apply(hidden.takeRows(positions));
    }

    /** ids I32[B,T] to logits [B,T,V], every token in one segment. */
    public Tensor apply(Tensor ids, AttentionMask mask) {
        return logits(model.apply(ids, View.of(ids, mask)));
    }
}
