package io.coda4j.nn;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Symbol;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import java.util.function.BiFunction;
import java.util.stream.IntStream;

/**
 * The dimensions of a {@link LanguageModel}.
 *
 * @param vocabulary V, rows of the embedding and of the head
 * @param hidden D, width of the residual stream
 * @param layers number of blocks
 * @param heads H, query heads per layer
 * @param kvHeads K, key and value heads per layer, a divisor of H
 * @param headDim d, width of a head, even
 * @param intermediate width of the feed-forward layer
 * @param ropeTheta base of the rotary frequencies
 * @param normEps added to mean squares
 * @param tied whether the head is the embedding
 * @param padToken token whose embedding receives no gradient, or -1
 */
public record TransformerConfig(
        int vocabulary,
        int hidden,
        int layers,
        int heads,
        int kvHeads,
        int headDim,
        int intermediate,
        double ropeTheta,
        double normEps,
        boolean tied,
        int padToken) {
    /** Checked dimensions. */
    public TransformerConfig {
        positive("vocabulary", vocabulary);
        positive("hidden size", hidden);
        positive("number of layers", layers);
        positive("number of heads", heads);
        positive("number of key-value heads", kvHeads);
        positive("intermediate size", intermediate);
        SelfAttention.requireRotary(headDim, ropeTheta);
        require(heads % kvHeads == 0, "heads (" + heads + ") must be a multiple of key-value heads (" + kvHeads + ")");
        require(
                (long) heads * headDim <= Integer.MAX_VALUE,
                "heads (" + heads + ") times head size (" + headDim + ") must be below 2^31");
        RmsNormLayer.requireEps(normEps);
        require(
                padToken >= -1 && padToken < vocabulary,
                "pad token " + padToken + " is outside the vocabulary of " + vocabulary + "; -1 stands for none");
    }

    private static void positive(String name, int value) {
        require(value > 0, name + " must be positive, got " + value);
    }

    private static void require(boolean holds, String message) {
        if (!holds) {
            throw new IllegalArgumentException("model: " + message);
        }
    }

    /** The same dimensions with another number of layers. */
    public TransformerConfig withLayers(int number) {
        return new TransformerConfig(
                vocabulary, hidden, number, heads, kvHeads, headDim, intermediate, ropeTheta, normEps, tied, padToken);
    }

    /**
     * A model of these dimensions whose tensors come from {@code source}, called with path and type. Where it gives I8 for the
     * weight of a linear map it is asked for the {@code weightScale} as well; see {@link Int8Linear}.
     */
    public LanguageModel build(DType dtype, BiFunction<String, TensorType, Tensor> source) {
        return new Builder(dtype, source).model();
    }

    /** The types of all tensors of a model of these dimensions by their tree path, in the order of {@link #build}. */
    public SequencedMap<String, TensorType> tensors(DType dtype) {
        var tensors = new LinkedHashMap<String, TensorType>();
        build(dtype, (path, type) -> {
            tensors.put(path, type);
            return new Symbol(type);
        });
        return tensors;
    }

    /** The type of the keys, and of the values, in a cache of one layer: [rows,length,K,d]. */
    public TensorType cacheType(DType dtype, int rows, int length) {
        return TensorType.of(dtype, rows, length, kvHeads, headDim);
    }

    /** The number of parameters. */
    public long parameters() {
        long attention = (long) headDim * hidden * (2L * heads + 2L * kvHeads) + 2L * headDim;
        long layer = attention + 3L * hidden * intermediate + 2L * hidden;
        return (tied ? 1L : 2L) * vocabulary * hidden + layers * layer + hidden;
    }

    private final class Builder {
        private final DType dtype;
        private final BiFunction<String, TensorType, Tensor> source;

        Builder(DType dtype, BiFunction<String, TensorType, Tensor> source) {
            this.dtype = dtype;
            this.source = source;
        }

        LanguageModel model() {
            var embedding = new Embedding(tensor("model.embedTokens.weight", vocabulary, hidden), padToken);
            var blocks = IntStream.range(0, layers)
                    .mapToObj(i -> block("model.layers." + i + "."))
                    .toList();
            var transformer = new Transformer(embedding, blocks, norm("model.norm", hidden));
            return new LanguageModel(transformer, tied ? null : linear("lmHead", vocabulary, hidden));
        }

        private Block block(String path) {
            return new Block(
                    norm(path + "inputLayernorm", hidden),
                    attention(path + "selfAttn."),
                    norm(path + "postAttentionLayernorm", hidden),
                    new SwiGluMlp(
                            linear(path + "mlp.gateProj", intermediate, hidden),
                            linear(path + "mlp.upProj", intermediate, hidden),
                            linear(path + "mlp.downProj", hidden, intermediate)));
        }

        private SelfAttention attention(String path) {
            return new SelfAttention(
                    linear(path + "qProj", heads * headDim, hidden),
                    linear(path + "kProj", kvHeads * headDim, hidden),
                    linear(path + "vProj", kvHeads * headDim, hidden),
                    linear(path + "oProj", hidden, heads * headDim),
                    norm(path + "qNorm", headDim),
                    norm(path + "kNorm", headDim),
                    headDim,
                    ropeTheta);
        }

        private Linear linear(String path, int out, int in) {
            var weight = tensor(path + ".weight", out, in);
            return weight.dtype() == DType.I8
                    ? new Int8Linear(weight, tensor(path + ".weightScale", out))
                    : new DenseLinear(weight);
        }

        private RmsNormLayer norm(String path, int size) {
            return new RmsNormLayer(tensor(path + ".weight", size), normEps);
        }

        private Tensor tensor(String path, int... dims) {
            return source.apply(path, new TensorType(dtype, Shape.of(dims)));
        }
    }
}
