package io.coda4j.bench.peers;

import io.coda4j.coder.generate.Precision;
import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.Int8Checkpoint;
import io.coda4j.coder.model.ModelPreset;
import io.coda4j.coder.model.RandomCheckpoint;
import io.coda4j.nn.TransformerConfig;
import io.coda4j.nn.safetensors.StoredType;
import java.nio.file.Path;

/** Models with the dimensions of CoDA 1.7B, some with fewer layers, and random weights. */
final class CodaModels {
    /** Dimensions of CoDA 1.7B. */
    static final TransformerConfig TRANSFORMER = ModelPreset.coda().transformer();

    static final int LAYERS = TRANSFORMER.layers();

    /** Its mask token. */
    static final int MASK = ModelPreset.coda().maskToken();

    private static final long SHARD_BYTES = 2_500_000_000L;

    private CodaModels() {}

    /** Writes a checkpoint of BF16. */
    static void write(int layers, Path folder) {
        var config = config(layers);
        new RandomCheckpoint(config, config.toJson("bfloat16"), 1, StoredType.BF16, SHARD_BYTES).write(folder, _ -> {});
    }

    /** Writes the INT8 form of such a checkpoint. */
    static void quantize(Path from, Path to) {
        Int8Checkpoint.write(from, to, (_, _, _) -> {});
    }

    private static CodaConfig config(int layers) {
        var coda = ModelPreset.coda();
        return new CodaConfig(
                TRANSFORMER.withLayers(layers),
                coda.maskToken(),
                coda.eosToken(),
                coda.attention(),
                coda.shift(),
                coda.maxPositions());
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

    /**
     * Bytes of the matrices that a pass with the head reads: BF16, or where they are INT8 those of the layers with an F32
     * scale for each output.
     */
    static double weightBytes(int layers, Precision precision) {
        var model = config(layers).transformer();
        double queries = model.heads() * model.headDim();
        double keys = model.kvHeads() * model.headDim();
        // Queries, keys, values; gate and up have the same inputs. The outputs of attention and of the MLP are hidden
        // wide.
        double outputs = queries + 2 * keys + 2.0 * model.intermediate() + 2.0 * model.hidden();
        double weights = model.hidden() * (2 * queries + 2 * keys + 3.0 * model.intermediate());
        double head = 2.0 * model.vocabulary() * model.hidden();
        return head
                + layers
                        * switch (precision) {
                            case F32, BF16 -> 2 * weights;
                            case INT8 -> weights + 4 * outputs;
                        };
    }

    /** Bytes of the keys and values of so many positions, which are F32. */
    static double cacheBytes(int layers, int positions) {
        var model = config(layers).transformer();
        return 2.0 * layers * positions * model.kvHeads() * model.headDim() * Float.BYTES;
    }
}
