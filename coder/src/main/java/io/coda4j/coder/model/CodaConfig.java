package io.coda4j.coder.model;

import io.coda4j.nn.TransformerConfig;
import io.coda4j.tensor.Primitive.AttentionMask;
import java.nio.file.Path;

/**
 * What {@code config.json} says of a model.
 *
 * @param transformer dimensions; {@code tied} follows the weights, not the file, where weights are at hand
 * @param maskToken id that stands for "to be filled", or -1
 * @param eosToken id that ends a document or turn, or -1
 * @param attention {@code FULL} for diffusion models, {@code CAUSAL} for autoregressive ones
 * @param shift whether the hidden state of a position predicts the next token (CoDA, Qwen3) or its own
 * @param maxPositions longest sequence the model was made for
 */
public record CodaConfig(
        TransformerConfig transformer,
        int maskToken,
        int eosToken,
        AttentionMask attention,
        boolean shift,
        int maxPositions) {
    /** The token written after the end of a text, or -1. */
    public int padToken() {
        return transformer.padToken();
    }

    /** The configuration in {@code folder/config.json}, see {@link ConfigJson}. */
    public static CodaConfig read(Path folder) {
        return ConfigJson.read(folder.resolve("config.json"));
    }

    /**
     * The configuration in the text of a {@code config.json}.
     *
     * @param origin the file that the text comes from, for errors
     */
    public static CodaConfig parse(String json, Path origin) {
        return ConfigJson.parse(json, origin);
    }

    /**
     * The text of a {@code config.json} that says this.
     *
     * @param storedType name of the weights' type in PyTorch, such as {@code bfloat16}
     */
    public String toJson(String storedType) {
        return ConfigJson.write(this, storedType);
    }

    /** The same configuration with another attention mask. */
    public CodaConfig withAttention(AttentionMask mask) {
        return new CodaConfig(transformer, maskToken, eosToken, mask, shift, maxPositions);
    }

    /** The same configuration with a tied or an own head. */
    public CodaConfig withTied(boolean tied) {
        var t = transformer;
        return new CodaConfig(
                new TransformerConfig(
                        t.vocabulary(),
                        t.hidden(),
                        t.layers(),
                        t.heads(),
                        t.kvHeads(),
                        t.headDim(),
                        t.intermediate(),
                        t.ropeTheta(),
                        t.normEps(),
                        tied,
                        t.padToken()),
                maskToken,
                eosToken,
                attention,
                shift,
                maxPositions);
    }
}
