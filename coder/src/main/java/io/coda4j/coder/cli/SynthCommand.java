package io.coda4j.coder.cli;

import io.coda4j.coder.files.AtomicFile;
import io.coda4j.coder.files.TextFile;
import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.ModelPreset;
import io.coda4j.coder.model.RandomCheckpoint;
import io.coda4j.coder.terminal.Budget;
import io.coda4j.coder.terminal.Progress;
import io.coda4j.coder.terminal.Terminal;
import io.coda4j.coder.tokenizer.BpeTokenizer;
import io.coda4j.coder.tokenizer.TinyTokenizer;
import io.coda4j.coder.tokenizer.TokenizerJson;
import io.coda4j.nn.safetensors.StoredType;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** {@code coda synth}: writes a random checkpoint, to measure size and speed without weights. */
@Command(
        name = "synth",
        mixinStandardHelpOptions = true,
        description = {
            "Writes a checkpoint of random weights in Hugging Face layout, so that loading, size and speed can be"
                    + " measured without real ones. The same seed gives the same bytes on every machine.",
            "What such a model writes is noise."
        },
        footer = {
            "",
            "Examples:",
            "  coda synth --config tiny --out out/tiny && coda generate --model out/tiny --prompt 'int a' --max-tokens 8",
            "  coda synth --config coda-1.7b --out out/coda-random          (4.06 GB)",
            "  coda synth --config Qwen3-0.6B/config.json --tokenizer Qwen3-0.6B --out out/qwen-random"
        })
final class SynthCommand implements Callable<Integer> {
    private static final String TINY = "tiny";
    private static final String CODA = "coda-1.7b";

    /** Rows of the embedding come in multiples of this, as in real models: some have no token. */
    private static final int VOCABULARY_STEP = 64;

    /** Types of weights that can be written. */
    private enum Dtype {
        BF16(StoredType.BF16, "bfloat16"),
        F16(StoredType.F16, "float16"),
        F32(StoredType.F32, "float32");

        private final StoredType stored;
        private final String inPyTorch;

        Dtype(StoredType stored, String inPyTorch) {
            this.stored = stored;
            this.inPyTorch = inPyTorch;
        }
    }

    @Option(
            names = "--config",
            required = true,
            paramLabel = "NAME|FILE",
            description = "tiny (with a tokenizer of its own), coda-1.7b, or a config.json of CoDA or Qwen3.")
    private String config = "";

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Folder for the checkpoint.")
    private Path out = Path.of("");

    @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "Seed of all numbers (default 0).")
    private long seed;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "bf16",
            description = "Type of the weights: bf16 (default), f16 or f32.")
    private Dtype dtype = Dtype.BF16;

    @Option(
            names = "--tokenizer",
            paramLabel = "DIR",
            description = "Folder of a tokenizer that the checkpoint is to have; needed to generate text with"
                    + " coda-1.7b.")
    private @Nullable Path tokenizerFolder;

    @Option(
            names = "--shard-size",
            paramLabel = "MB",
            defaultValue = "2500",
            description = "Weights beyond so many megabytes go to another file (default 2500).")
    private int shardMegabytes = 2500;

    @Option(names = "--json", description = "Print folder, parameters, bytes and seconds as JSON.")
    private boolean json;

    @Override
    public Integer call() {
        if (shardMegabytes < 1) {
            throw new UsageException("--shard-size must be at least 1, got " + shardMegabytes);
        }
        AtomicFile.checkFolder(out);
        var tokenizer = tokenizer();
        var checkpoint = checkpoint(tokenizer);
        if (tokenizer != null) {
            requireFitting(checkpoint.config(), tokenizer);
        }
        long start = System.nanoTime();
        write(checkpoint);
        if (tokenizer != null) {
            TokenizerJson.writeFolder(tokenizer, out);
        }
        report(checkpoint, (System.nanoTime() - start) * 1e-9);
        return 0;
    }

    private @Nullable BpeTokenizer tokenizer() {
        if (tokenizerFolder != null) {
            return TokenizerJson.read(tokenizerFolder);
        }
        return config.equals(TINY) ? TinyTokenizer.create() : null;
    }

    private RandomCheckpoint checkpoint(@Nullable BpeTokenizer tokenizer) {
        long shardBytes = shardMegabytes * 1_000_000L;
        if (config.equals(CODA) || config.equals(TINY)) {
            var model = config.equals(TINY) && tokenizer != null ? tiny(tokenizer) : ModelPreset.coda();
            return new RandomCheckpoint(model, model.toJson(dtype.inPyTorch), seed, dtype.stored, shardBytes);
        }
        var file = Path.of(config);
        var text = TextFile.read(file);
        return new RandomCheckpoint(CodaConfig.parse(text, file), text, seed, dtype.stored, shardBytes);
    }

    private static CodaConfig tiny(BpeTokenizer tokenizer) {
        int vocabulary = Math.ceilDiv(tokenizer.vocabSize(), VOCABULARY_STEP) * VOCABULARY_STEP;
        return ModelPreset.tiny(vocabulary, tokenizer.maskId(), tokenizer.padId(), tokenizer.eosId());
    }

    private void requireFitting(CodaConfig model, BpeTokenizer tokenizer) {
        int vocabulary = model.transformer().vocabulary();
        if (tokenizer.vocabSize() > vocabulary) {
            throw new UsageException("--tokenizer: it has " + tokenizer.vocabSize() + " tokens, the model of --config "
                    + config + " only " + vocabulary);
        }
        if (model.maskToken() >= 0 && model.maskToken() != tokenizer.maskId()) {
            throw new UsageException("--tokenizer: its mask token is " + tokenizer.maskId() + ", that of --config "
                    + config + " is " + model.maskToken());
        }
    }

    private void write(RandomCheckpoint checkpoint) {
        var terminal = Terminal.of(System.err);
        // In megabytes, and at least one step.
        long total = Math.max(1, checkpoint.bytes() / 1_000_000);
        try (var progress = Progress.start(terminal, "synth", new Budget.Steps(total))) {
            checkpoint.write(out, bytes -> progress.update(bytes / 1_000_000, "MB"));
        }
    }

    private void report(RandomCheckpoint checkpoint, double seconds) {
        long parameters = checkpoint.config().transformer().parameters();
        if (json) {
            var fields = new LinkedHashMap<String, Object>();
            fields.put("model", out.toString());
            fields.put("parameters", parameters);
            fields.put("bytes", checkpoint.bytes());
            fields.put("dtype", dtype.name().toLowerCase(Locale.ROOT));
            fields.put("seed", seed);
            fields.put("seconds", seconds);
            System.out.println(new JsonMapper().writerWithDefaultPrettyPrinter().writeValueAsString(fields));
        } else {
            System.out.printf(
                    Locale.ROOT,
                    "%s: %,d random parameters, %.2f GB of %s, in %.1f s%n",
                    out,
                    parameters,
                    checkpoint.bytes() * 1e-9,
                    dtype.name().toLowerCase(Locale.ROOT),
                    seconds);
        }
    }
}
