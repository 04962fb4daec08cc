package io.coda4j.coder.generate;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.ModelException;
import io.coda4j.coder.model.ModelFolder;
import io.coda4j.coder.tokenizer.BpeTokenizer;
import io.coda4j.coder.tokenizer.TokenizerException;
import io.coda4j.coder.tokenizer.TokenizerJson;
import io.coda4j.diffusion.sampling.Caching;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.LogitsException;
import io.coda4j.diffusion.sampling.RunListener;
import io.coda4j.diffusion.sampling.StepHooks;
import io.coda4j.diffusion.sampling.Unmasking;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import io.coda4j.nn.LanguageModel;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.spi.Device;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A model with its tokenizer, ready to fill masked tokens. */
public final class Generator implements AutoCloseable {
    private final CodaConfig config;
    private final LanguageModel model;
    private final BpeTokenizer tokenizer;
    private final Device device;
    private final Precision precision;
    private final ModelDenoiser denoiser;

    /** A generator over a model in memory that computes everything at every step. */
    public Generator(CodaConfig config, LanguageModel model, BpeTokenizer tokenizer, Device device) {
        this(config, model, tokenizer, device, new Caching.None(), Precision.F32);
    }

    private Generator(
            CodaConfig config,
            LanguageModel model,
            BpeTokenizer tokenizer,
            Device device,
            Caching caching,
            Precision precision) {
        this.config = config;
        this.model = model;
        this.tokenizer = tokenizer;
        this.device = device;
        this.precision = precision;
        this.denoiser = new ModelDenoiser(config, model, device, caching, precision);
    }

    /** A generator over the same model with another cache, to be closed by itself. */
    public Generator withCaching(Caching caching) {
        return new Generator(config, model, tokenizer, device, caching, precision);
    }

    /**
     * A generator over the model and the tokenizer in {@code folder}.
     *
     * @param asked what products with the model's matrices are made of; null: what suits the model and the device
     * @throws ModelException if the folder holds no model that writes text
     */
    public static Generator open(Path folder, Device device, @Nullable Precision asked) {
        var loaded = ModelFolder.map(folder, device);
        var config = loaded.config();
        var tokenizer = TokenizerJson.read(folder);
        if (tokenizer.vocabSize() > config.transformer().vocabulary()) {
            throw new ModelException(
                    folder,
                    "the tokenizer has " + tokenizer.vocabSize() + " tokens, the model only "
                            + config.transformer().vocabulary() + "; they belong to different models");
        }
        requireMask(folder, config, tokenizer);
        if (asked == Precision.INT8 && !Precision.isQuantized(loaded.model())) {
            throw new ModelException(
                    folder,
                    "--precision int8 needs INT8 weights, these are not; make them with" + " coda quantize --model "
                            + folder + " --format int8 --out DIR");
        }
        var precision = Precision.chosen(asked, loaded.model(), device);
        var model = precision.prepared(loaded.model(), device);
        return new Generator(config, model, tokenizer, device, new Caching.None(), precision);
    }

    private static void requireMask(Path folder, CodaConfig config, BpeTokenizer tokenizer) {
        if (config.maskToken() < 0 && config.attention() == AttentionMask.CAUSAL) {
            return;
        }
        if (config.maskToken() < 0) {
            throw new ModelException(
                    folder.resolve("config.json"), "\"mask_token_id\" is missing; without it nothing can be filled");
        }
        int maskId = maskId(folder, tokenizer);
        if (maskId != config.maskToken()) {
            throw new ModelException(
                    folder.resolve("config.json"),
                    "\"mask_token_id\": expected " + maskId + ", the tokenizer's mask token, got "
                            + config.maskToken());
        }
    }

    private static int maskId(Path folder, BpeTokenizer tokenizer) {
        try {
            return tokenizer.maskId();
        } catch (TokenizerException e) {
            throw new ModelException(folder.resolve("tokenizer.json"), String.valueOf(e.getMessage()), e);
        }
    }

    /** What is not computed anew at every step. */
    public Caching caching() {
        return denoiser.caching();
    }

    /** What products with the model's matrices are made of. */
    public Precision precision() {
        return precision;
    }

    /** The model's configuration. */
    public CodaConfig config() {
        return config;
    }

    /** The model's tokenizer. */
    public BpeTokenizer tokenizer() {
        return tokenizer;
    }

    /** Whether the model writes from left to right and cannot fill what is before a text. */
    public boolean isAutoregressive() {
        return config.attention() == AttentionMask.CAUSAL;
    }

    /** The id of tokens that are to be filled. */
    public int maskId() {
        return config.maskToken() >= 0 ? config.maskToken() : ModelDenoiser.placeholder(config);
    }

    /** Ids that stand for no text: the mask itself, rows of the head without a token, and padding. */
    public Set<Integer> unprintable() {
        var ids = new TreeSet<>(unknown());
        if (config.padToken() >= 0) {
            ids.add(config.padToken());
        }
        return ids;
    }

    /** Ids that must never be produced, wherever it is: the mask itself and rows of the head without a token. */
    public Set<Integer> unknown() {
        var ids = new TreeSet<Integer>();
        IntStream.range(0, config.transformer().vocabulary())
                .filter(id -> id >= tokenizer.vocabSize() || !tokenizer.isToken(id))
                .forEach(ids::add);
        if (config.maskToken() >= 0) {
            ids.add(config.maskToken());
        }
        return ids;
    }

    /** Ids that end a text: those that the model and the tokenizer name, and padding, with which CoDA was taught to stop. */
    public Set<Integer> ends() {
        var ids = new TreeSet<Integer>();
        tokenizer.tokenId(tokenizer.roles().eos()).ifPresent(ids::add);
        tokenizer.tokenId(tokenizer.roles().pad()).ifPresent(ids::add);
        if (config.eosToken() >= 0) {
            ids.add(config.eosToken());
        }
        if (config.padToken() >= 0) {
            ids.add(config.padToken());
        }
        return ids;
    }

    /** The id that stands behind the end of a text: padding, or where there is none the token that ended it. */
    public int filler() {
        return config.padToken() >= 0 ? config.padToken() : ends().iterator().next();
    }

    /**
     * A result.
     *
     * @param tokens the whole sequence, masks filled
     * @param work what the model did
     * @param seconds of all steps together
     */
    public record Filled(int[] tokens, DenoiserWork work, double seconds) {
        /** How often the model ran. */
        public long forwards() {
            return work.passes();
        }

        /** Seconds of {@link #seconds} that the model did not take: choosing tokens and positions. */
        public double choiceSeconds() {
            return seconds - work.wholeSeconds() - work.windowSeconds() - work.headSeconds();
        }
    }

    /**
     * Fills the masks of {@code tokens}.
     *
     * @throws GenerationException if the model's output is no numbers
     */
    public Filled fill(int[] tokens, UnmaskingSettings settings, RunListener listener) {
        return fill(List.of(tokens), settings, listener).getFirst();
    }

    /**
     * Fills the masks of several sequences, of any lengths. Each gets what it would get alone with the same settings.
     *
     * @return the results in order; each with the work and the time of all
     * @throws GenerationException if the model's output is no numbers
     */
    public List<Filled> fill(List<int[]> sequences, UnmaskingSettings settings, RunListener listener) {
        long start = System.nanoTime();
        var before = denoiser.work();
        var canvas = Canvas.of(sequences);
        try {
            // All rows draw as row 0, as they would alone.
            var result =
                    new Unmasking(settings, StepHooks.NONE, listener).run(denoiser, canvas, new int[sequences.size()]);
            var work = denoiser.work().since(before);
            double seconds = (System.nanoTime() - start) * 1e-9;
            return IntStream.range(0, sequences.size())
                    .mapToObj(row -> new Filled(result.canvas().row(row), work, seconds))
                    .toList();
        } catch (LogitsException e) {
            throw new GenerationException("the model cannot be used: " + e.getMessage());
        }
    }

    @Override
    public void close() {
        denoiser.close();
    }
}
