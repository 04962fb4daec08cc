package io.coda4j.coder.generate;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.ModelException;
import io.coda4j.coder.model.ModelFolder;
import io.coda4j.coder.tokenizer.BpeTokenizer;
import io.coda4j.coder.tokenizer.TokenizerException;
import io.coda4j.coder.tokenizer.TokenizerJson;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.LogitsException;
import io.coda4j.diffusion.sampling.StepHooks;
import io.coda4j.diffusion.sampling.Unmasking;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import io.coda4j.nn.LanguageModel;
import io.coda4j.tensor.spi.Device;
import java.nio.file.Path;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;

/** A model with its tokenizer, ready to fill masked tokens. */
public final class Generator implements AutoCloseable {
    private final CodaConfig config;
    private final BpeTokenizer tokenizer;
    private final ModelDenoiser denoiser;

    /** A generator over a model in memory. */
    public Generator(CodaConfig config, LanguageModel model, BpeTokenizer tokenizer, Device device) {
        this.config = config;
        this.tokenizer = tokenizer;
        this.denoiser = new ModelDenoiser(config, model, device);
    }

    /**
     * A generator over the model and the tokenizer in {@code folder}.
     *
     * @throws ModelException if the folder holds no model that fills masks
     */
    public static Generator open(Path folder, Device device) {
        var loaded = ModelFolder.load(folder, device);
        if (loaded.config().maskToken() < 0) {
            throw new ModelException(
                    folder.resolve("config.json"), "\"mask_token_id\" is missing; without it nothing can be filled");
        }
        var tokenizer = TokenizerJson.read(folder);
        if (tokenizer.vocabSize() > loaded.config().transformer().vocabulary()) {
            throw new ModelException(
                    folder,
                    "the tokenizer has " + tokenizer.vocabSize() + " tokens, the model only "
                            + loaded.config().transformer().vocabulary() + "; they belong to different models");
        }
        int maskId = maskId(folder, tokenizer);
        if (maskId != loaded.config().maskToken()) {
            throw new ModelException(
                    folder.resolve("config.json"),
                    "\"mask_token_id\": expected " + maskId + ", the tokenizer's mask token, got "
                            + loaded.config().maskToken());
        }
        return new Generator(loaded.config(), loaded.model(), tokenizer, device);
    }

    private static int maskId(Path folder, BpeTokenizer tokenizer) {
        try {
            return tokenizer.maskId();
        } catch (TokenizerException e) {
            throw new ModelException(folder.resolve("tokenizer.json"), e.getMessage(), e);
        }
    }

    /** The model's configuration. */
    public CodaConfig config() {
        return config;
    }

    /** The model's tokenizer. */
    public BpeTokenizer tokenizer() {
        return tokenizer;
    }

    /** Ids that must never be produced: the mask itself, rows of the head without a token, and padding. */
    public Set<Integer> unprintable() {
        var ids = new TreeSet<Integer>();
        IntStream.range(0, config.transformer().vocabulary())
                .filter(id -> id >= tokenizer.vocabSize() || !tokenizer.isToken(id))
                .forEach(ids::add);
        ids.add(config.maskToken());
        if (config.padToken() >= 0) {
            ids.add(config.padToken());
        }
        return ids;
    }

    /**
     * A result.
     *
     * @param tokens the whole sequence, masks filled
     * @param forwards how often the model ran
     * @param seconds of all steps together
     */
    public record Filled(int[] tokens, int forwards, double seconds) {}

    /**
     * Fills the masks of {@code tokens}.
     *
     * @throws GenerationException if the model's output is no numbers
     */
    public Filled fill(int[] tokens, UnmaskingSettings settings, StepHooks hooks) {
        long start = System.nanoTime();
        var canvas = new Canvas(1, tokens.length, tokens.clone());
        try {
            var result = new Unmasking(settings, hooks).run(denoiser, canvas);
            return new Filled(result.canvas().row(0), result.forwards(), (System.nanoTime() - start) * 1e-9);
        } catch (LogitsException e) {
            throw new GenerationException("the model cannot be used: " + e.getMessage());
        }
    }

    @Override
    public void close() {
        denoiser.close();
    }
}
