package io.coda4j.coder.verify;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.ModelException;
import io.coda4j.coder.model.ModelFolder;
import io.coda4j.coder.model.WeightInventory;
import io.coda4j.coder.tokenizer.BpeTokenizer;
import io.coda4j.coder.tokenizer.TokenizerJson;
import io.coda4j.nn.safetensors.Safetensors;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.spi.Device;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * The gates that a checkpoint passes before its results mean anything (specification of the model and tokenizer, section
 * 2e).
 *
 * <p>Input that cannot be read at all ends with the exception of its reader; a gate fails where the parts can be read and do
 * not fit each other.
 */
public final class CheckpointVerification {
    /** Change of a logit below which a position has not noticed anything. */
    private static final double NOTICED = 1e-7;

    private final Path folder;
    private final Device device;
    private final Consumer<GateResult> listener;
    private boolean passed = true;

    /** Gates for the checkpoint in {@code folder}, whose results go to {@code listener} one after the other. */
    public CheckpointVerification(Path folder, Device device, Consumer<GateResult> listener) {
        this.folder = folder;
        this.device = device;
        this.listener = listener;
    }

    /**
     * Tries all gates.
     *
     * @return whether all passed
     * @throws ModelException if there is no model in the folder
     * @throws io.coda4j.nn.safetensors.SafetensorsException if a weight file is damaged
     * @throws io.coda4j.coder.tokenizer.TokenizerException if a tokenizer file is damaged
     */
    public boolean run() {
        if (!Files.isDirectory(folder)) {
            throw new ModelException(folder, "is not a folder; expected one with config.json and *.safetensors");
        }
        var declared = CodaConfig.read(folder);
        report(GateResult.pass("configuration", describe(declared)));
        try (var weights = Safetensors.open(folder)) {
            var inventory = new WeightInventory(folder, declared, weights);
            problems(
                    "tensors",
                    inventory.strangers(),
                    "%d of %d"
                            .formatted(
                                    weights.entries().size(),
                                    inventory.expected().size()));
            problems("shapes", inventory.misfits(), "as config.json asks");
            problems(
                    "head",
                    inventory.headProblems(),
                    inventory.config().transformer().tied() ? "tied" : "its own");
            finite(weights);
            types(weights);
        }
        tokenizer(declared);
        direction();
        return passed;
    }

    private void report(GateResult result) {
        passed &= result.status() == GateResult.Status.PASS;
        listener.accept(result);
    }

    private void problems(String gate, List<ModelException> problems, String good) {
        if (problems.isEmpty()) {
            report(GateResult.pass(gate, good));
        } else {
            int more = problems.size() - 1;
            report(GateResult.fail(
                    gate, problems.getFirst().getMessage() + (more == 0 ? "" : " (and " + more + " more like it)")));
        }
    }

    private static String describe(CodaConfig config) {
        var t = config.transformer();
        return String.format(
                Locale.ROOT,
                "%s, %d layers of %d, vocabulary %d",
                config.attention() == AttentionMask.FULL ? "diffusion" : "autoregressive",
                t.layers(),
                t.hidden(),
                t.vocabulary());
    }

    private void finite(Safetensors weights) {
        var tensors = FiniteTensors.of(weights);
        report(
                tensors.isFinite()
                        ? GateResult.pass("finite", tensors.toString())
                        : GateResult.fail("finite", tensors + "; the file is damaged or training diverged"));
    }

    /** Any mix of float types and I8 can be computed with; which one it is explains size and precision. */
    private void types(Safetensors weights) {
        var counts = weights.entries().values().stream()
                .collect(Collectors.groupingBy(entry -> entry.type().name(), TreeMap::new, Collectors.counting()));
        var mix = counts.entrySet().stream()
                .map(entry -> entry.getValue() + " " + entry.getKey())
                .collect(Collectors.joining(", "));
        boolean isFloat = weights.entries().values().stream().allMatch(entry -> switch (entry.type()) {
            case F16, BF16, F32, F64, I8 -> true;
            case BOOL, U8, I16, U16, I32, U32, I64, U64 -> false;
        });
        report(
                isFloat
                        ? GateResult.pass("types", mix)
                        : GateResult.fail("types", mix + "; weights must be floats, quantised ones are not supported"));
    }

    private void tokenizer(CodaConfig config) {
        var found = readTokenizer();
        if (found.isEmpty()) {
            report(GateResult.fail(
                    "tokenizer", "none in the folder; add tokenizer.json, or vocab.json and merges.txt"));
            report(GateResult.skip("mask token", "there is no tokenizer to compare with"));
            return;
        }
        var tokenizer = found.get();
        int vocabulary = config.transformer().vocabulary();
        report(
                tokenizer.vocabSize() <= vocabulary
                        ? GateResult.pass("tokenizer", tokenizer.vocabSize() + " of " + vocabulary + " ids")
                        : GateResult.fail(
                                "tokenizer",
                                "it has " + tokenizer.vocabSize() + " tokens, the model only " + vocabulary
                                        + "; they belong to different models"));
        report(mask(config, tokenizer));
    }

    private Optional<BpeTokenizer> readTokenizer() {
        boolean isThere = Files.exists(folder.resolve("tokenizer.json")) || Files.exists(folder.resolve("vocab.json"));
        return isThere ? Optional.of(TokenizerJson.read(folder)) : Optional.empty();
    }

    private static GateResult mask(CodaConfig config, BpeTokenizer tokenizer) {
        var gate = "mask token";
        if (config.maskToken() < 0) {
            return config.attention() == AttentionMask.CAUSAL
                    ? GateResult.pass(gate, "none, and an autoregressive model needs none")
                    : GateResult.fail(gate, "\"mask_token_id\" is missing from config.json; CoDA's is 151669");
        }
        var known = tokenizer.tokenId(tokenizer.roles().mask());
        if (known.isEmpty()) {
            return GateResult.fail(
                    gate, "the tokenizer has no token \"" + tokenizer.roles().mask() + "\"; add it to added_tokens");
        }
        return known.getAsInt() == config.maskToken()
                ? GateResult.pass(
                        gate, config.maskToken() + " " + tokenizer.roles().mask())
                : GateResult.fail(
                        gate,
                        "\"mask_token_id\" in config.json: expected " + known.getAsInt()
                                + ", the tokenizer's mask token, got " + config.maskToken());
    }

    private void direction() {
        var gate = "direction";
        if (!passed) {
            report(GateResult.skip(gate, "other gates failed"));
            return;
        }
        var loaded = ModelFolder.map(folder, device);
        double change = DirectionProbe.change(loaded.config(), loaded.model(), device);
        boolean notices = change > NOTICED;
        boolean isFull = loaded.config().attention() == AttentionMask.FULL;
        var measured = String.format(Locale.ROOT, "another last token changes logits of the first by %.2g", change);
        report(
                !Double.isNaN(change) && notices == isFull
                        ? GateResult.pass(gate, measured)
                        : GateResult.fail(
                                gate,
                                measured + "; expected " + (isFull ? "a change" : "none")
                                        + ": config.json describes another kind of model than the weights are"));
    }
}
