package io.coda4j.bench.peers;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.ModelPreset;
import io.coda4j.coder.model.RandomCheckpoint;
import io.coda4j.nn.TransformerConfig;
import io.coda4j.nn.safetensors.StoredType;
import java.nio.file.Path;

/** Models with the dimensions of CoDA 1.7B, some with fewer layers, and random weights. */
final class CodaModels {
    /** Of CoDA 1.7B. */
    static final int LAYERS = ModelPreset.coda().transformer().layers();

    /** Its mask token. */
    static final int MASK = ModelPreset.coda().maskToken();

    private static final long SHARD_BYTES = 2_500_000_000L;

    private CodaModels() {}

    /** Writes a checkpoint of BF16. */
    static void write(int layers, Path folder) {
        var config = config(layers);
        new RandomCheckpoint(config, config.toJson("bfloat16"), 1, StoredType.BF16, SHARD_BYTES).write(folder, _ -> {});
    }

    private static CodaConfig config(int layers) {
        var coda = ModelPreset.coda();
        var full = coda.transformer();
        var model = new TransformerConfig(
                full.vocabulary(),
                full.hidden(),
                layers,
                full.heads(),
                full.kvHeads(),
                full.headDim(),
                full.intermediate(),
                full.ropeTheta(),
                full.normEps(),
                full.tied(),
                full.padToken());
        return new CodaConfig(
                model, coda.maskToken(), coda.eosToken(), coda.attention(), coda.shift(), coda.maxPositions());
    }

    /** Tokens of text, the same for every engine. */
    static int[] tokens(int count) {
        return Operands.indices(3, count, ModelPreset.coda().padToken());
    }

    /**
     * Operations of one pass.
     *
     * @param computed columns
     * @param seen columns by attention
     * @param predicted positions, at which the head is computed
     */
    static double flops(int layers, int computed, int seen, double predicted) {
        var model = config(layers).transformer();
        double head = (double) model.vocabulary() * model.hidden();
        double body = model.parameters() - 2 * head;
        double attention = 2.0 * layers * seen * model.heads() * model.headDim();
        return 2 * (computed * (body + attention) + predicted * head);
    }
}
