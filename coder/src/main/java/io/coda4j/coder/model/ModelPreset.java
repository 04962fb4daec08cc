package io.coda4j.coder.model;

import io.coda4j.nn.TransformerConfig;
import io.coda4j.tensor.Primitive.AttentionMask;

/** Configurations of models that have a name. */
public final class ModelPreset {
    private ModelPreset() {}

    /** CoDA 1.7B: Qwen3-1.7B with a head of its own, 2,031,739,904 parameters. */
    public static CodaConfig coda() {
        var transformer = new TransformerConfig(151_936, 2048, 28, 16, 8, 128, 6144, 1e6, 1e-6, false, 151_643);
        return new CodaConfig(transformer, 151_669, 151_645, AttentionMask.FULL, true, 40_960);
    }

    /**
     * A model of the same make that fits anywhere.
     *
     * @param vocabulary rows of embedding and head
     */
    public static CodaConfig tiny(int vocabulary, int maskToken, int padToken, int eosToken) {
        var transformer = new TransformerConfig(vocabulary, 64, 2, 4, 2, 16, 128, 1e6, 1e-6, false, padToken);
        return new CodaConfig(transformer, maskToken, eosToken, AttentionMask.FULL, true, 512);
    }
}
