package io.coda4j.bench.decode;

import io.coda4j.coder.model.Int8Checkpoint;
import io.coda4j.coder.model.ModelPreset;
import io.coda4j.coder.model.RandomCheckpoint;
import io.coda4j.coder.tokenizer.TinyTokenizer;
import io.coda4j.coder.tokenizer.TokenizerJson;
import io.coda4j.nn.safetensors.StoredType;
import java.nio.file.Path;

/** Checkpoints of random weights with a tokenizer, small enough for tests. */
final class TinyModels {
    private static final int VOCABULARY = 384;

    private TinyModels() {}

    /** Writes one of BF16. */
    static void write(Path folder) {
        var tokenizer = TinyTokenizer.create();
        var config = ModelPreset.tiny(VOCABULARY, tokenizer.maskId(), tokenizer.padId(), tokenizer.eosId());
        new RandomCheckpoint(config, config.toJson("bfloat16"), 1, StoredType.BF16, Long.MAX_VALUE)
                .write(folder, _ -> {});
        TokenizerJson.writeFolder(tokenizer, folder);
    }

    /** Writes the INT8 form of one. */
    static void quantize(Path from, Path to) {
        Int8Checkpoint.write(from, to, (_, _, _) -> {});
    }
}
