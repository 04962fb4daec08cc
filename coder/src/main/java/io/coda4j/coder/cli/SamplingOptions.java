package io.coda4j.coder.cli;

import io.coda4j.coder.generate.Generator;
import io.coda4j.diffusion.sampling.Caching;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.CommitRule;
import io.coda4j.diffusion.sampling.Sampler;
import io.coda4j.diffusion.sampling.Sampling;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import java.util.Arrays;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that decide how masks are filled. */
final class SamplingOptions {
    private static final int CACHED_BLOCK = 32;
    private static final int DELAYED_REFRESH = 32;

    @Option(
            names = "--decode",
            paramLabel = "RULE",
            defaultValue = "steps",
            description =
                    "How many tokens are committed at a step: steps (default; a fixed number), threshold (all that"
                            + " are surer than --threshold), factor (surer the more there are), eb (as many as keep the sum of"
                            + " entropies below --entropy-bound). The last three take as few steps as the model allows.")
    private String decode = "steps";

    @Option(
            names = "--cache",
            paramLabel = "SCHEME",
            description = "What is not computed at every step: none (default; exact), prefix (what is before the"
                    + " block), dual (what is before and behind it), delayed (as dual, renewed less often). All but none"
                    + " are approximations; see --report-drift. Autoregressive models have an exact cache by default.")
    private @Nullable String cache;

    @Option(
            names = "--refresh",
            paramLabel = "N",
            description = "With a cache: at least every N-th pass goes over everything; 1 is exact. Default: only where"
                    + " the scheme asks, for delayed " + DELAYED_REFRESH + ".")
    private @Nullable Integer refresh;

    @Option(
            names = {"--block", "--block-length"},
            paramLabel = "N",
            description = "Fill blocks of N positions from left to right; 0 fills everything at once. Default: 0, with"
                    + " a cache " + CACHED_BLOCK + ".")
    private @Nullable Integer block;

    @Option(
            names = "--threshold",
            paramLabel = "P",
            description = "With --decode threshold: commit tokens with at least this probability (default 0.9).")
    private @Nullable Double threshold;

    @Option(
            names = "--factor",
            paramLabel = "F",
            description = "With --decode factor: the n-th token needs probability 1 - F/(n+1) (default 1).")
    private @Nullable Double factor;

    @Option(
            names = "--entropy-bound",
            paramLabel = "G",
            description = "With --decode eb: the bound in nats (default 0.5).")
    private @Nullable Double entropyBound;

    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "With --decode steps: denoising steps; fewer are faster and commit more tokens at a time."
                    + " Default: one per token.")
    private @Nullable Integer steps;

    @Option(
            names = "--alg",
            paramLabel = "NAME",
            description = "With --decode steps: which positions are committed first: entropy (default), maskgit_plus,"
                    + " topk_margin, origin (random).")
    private @Nullable String algorithm;

    @Option(
            names = "--temperature",
            paramLabel = "T",
            defaultValue = "0",
            description = "0 takes the most likely token (default); above 0 draws.")
    private double temperature;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description = "Draw from the smallest set of tokens with this probability; 1 (default) keeps all. At"
                    + " temperature 0 this changes only how sure the model is held to be, and thereby which positions"
                    + " are committed first.")
    private @Nullable Double topP;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            description = "Draw from the K most likely tokens; 0 (default) keeps all. At temperature 0 as --top-p.")
    private @Nullable Integer topK;

    @Option(
            names = "--alg-temp",
            paramLabel = "T",
            description = "With --decode steps: randomness in the order of positions; 0 (default) is the most confident"
                    + " first.")
    private @Nullable Double orderTemperature;

    @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "Seed of all draws.")
    private long seed;

    /**
     * Checks what needs no model.
     *
     * @throws UsageException naming the option
     */
    void check() {
        var sampler = checked("--alg", this::sampler);
        checked("--temperature", () -> new Sampling(temperature, 1, 0));
        checked("--top-p", () -> new Sampling(0, topP(), 0));
        checked("--top-k", () -> new Sampling(0, 1, topK()));
        var settings = checked("--steps", () -> UnmaskingSettings.of(0, sampler, steps == null ? 1 : steps));
        checked("--alg-temp", () -> settings.withOrderTemperature(orderTemperature()));
        checked("--block", () -> settings.withBlockLength(block == null ? 0 : block));
        var caching = caching();
        rule();
        idleUnless("threshold").refuse("--threshold", threshold != null);
        idleUnless("factor").refuse("--factor", factor != null);
        idleUnless("eb").refuse("--entropy-bound", entropyBound != null);
        idleUnless("steps")
                .refuse("--steps", steps != null)
                .refuse("--alg", algorithm != null)
                .refuse("--alg-temp", orderTemperature != null);
        if (sampler instanceof Sampler.Origin) {
            requireDraws("with --alg " + sampler.label());
        }
        new IdleOptions(caching instanceof Caching.None, "without --cache prefix, dual or delayed, which it renews")
                .refuse("--refresh", refresh != null);
    }

    private static <T> T checked(String option, Supplier<T> value) {
        try {
            return value.get();
        } catch (IllegalArgumentException e) {
            throw new UsageException(option + ": " + e.getMessage());
        }
    }

    private IdleOptions idleUnless(String rule) {
        return new IdleOptions(!decode.equals(rule), "with --decode " + decode + ", only with --decode " + rule);
    }

    /** Where nothing asks how sure the model is, a filter only changes what is drawn. */
    private void requireDraws(String where) {
        var why = where + " at temperature " + temperature + ", only with a --temperature above 0, such as 0.8";
        new IdleOptions(sampling().isGreedy(), why)
                .refuse("--top-p", topP != null)
                .refuse("--top-k", topK != null);
    }

    private Sampling sampling() {
        return new Sampling(temperature, topP(), topK());
    }

    private double topP() {
        return topP == null ? 1 : topP;
    }

    private int topK() {
        return topK == null ? 0 : topK;
    }

    private Sampler sampler() {
        return Sampler.of(algorithm == null ? new Sampler.Entropy().label() : algorithm);
    }

    private double orderTemperature() {
        return orderTemperature == null ? 0 : orderTemperature;
    }

    private CommitRule rule() {
        return switch (decode) {
            case "steps" -> new CommitRule.Scheduled();
            case "threshold" -> new CommitRule.Threshold(threshold());
            case "factor" -> checked("--factor", () -> new CommitRule.Factor(factor == null ? 1 : factor));
            case "eb" ->
                checked(
                        "--entropy-bound",
                        () -> new CommitRule.EntropyBound(entropyBound == null ? 0.5 : entropyBound));
            default ->
                throw new UsageException(
                        "--decode: no rule \"" + decode + "\", expected steps, threshold, factor or eb");
        };
    }

    private double threshold() {
        double probability = threshold == null ? 0.9 : threshold;
        if (!(probability >= 0 && probability <= 1)) {
            throw new UsageException("--threshold: the threshold must be in [0, 1], got " + probability
                    + "; 0 commits everything at once, 1 only what is certain");
        }
        return probability;
    }

    /** The scheme for diffusion models. */
    private Caching caching() {
        int every = refresh == null ? 0 : refresh;
        return switch (cache == null ? "none" : cache) {
            case "none" -> new Caching.None();
            case "prefix" -> checked("--refresh", () -> new Caching.Prefix(every));
            case "dual" -> checked("--refresh", () -> new Caching.Dual(every));
            case "delayed" ->
                checked("--refresh", () -> new Caching.Delayed(refresh == null ? DELAYED_REFRESH : refresh));
            default ->
                throw new UsageException(
                        "--cache: no scheme \"" + cache + "\", expected none, prefix, dual or delayed");
        };
    }

    /**
     * The scheme for the model of {@code generator}, after {@link #check}.
     *
     * @throws UsageException if the model has no such cache
     */
    Caching caching(Generator generator) {
        if (!generator.isAutoregressive()) {
            return caching();
        }
        if (cache == null) {
            return new Caching.Causal();
        }
        if (caching() instanceof Caching.None none) {
            return none;
        }
        throw new UsageException("--cache " + cache + " is for diffusion models; this one is autoregressive and has an"
                + " exact cache when --cache is left away");
    }

    /**
     * The settings for filling the masks of {@code tokens} with {@code generator}, after {@link #check}.
     *
     * @param isOpen whether the text ends where the model ends it
     */
    UnmaskingSettings settings(Generator generator, int[] tokens, boolean isOpen) {
        if (generator.isAutoregressive()) {
            return ending(autoregressive(generator, tokens), generator, isOpen);
        }
        int length = block != null ? block : caching() instanceof Caching.None ? 0 : CACHED_BLOCK;
        var settings = switch (rule()) {
            case CommitRule.Scheduled _ -> scheduled(generator, tokens, length);
            case CommitRule.Adaptive rule ->
                UnmaskingSettings.adaptive(generator.maskId(), rule).withBlockLength(length);
        };
        return ending(settings, generator, isOpen);
    }

    /** The settings of the reference decoder, without blocks and rules, to compare with. */
    UnmaskingSettings exactSettings(Generator generator, int[] tokens, boolean isOpen) {
        var settings =
                generator.isAutoregressive() ? autoregressive(generator, tokens) : scheduled(generator, tokens, 0);
        return ending(settings, generator, isOpen);
    }

    private UnmaskingSettings scheduled(Generator generator, int[] tokens, int length) {
        int count = steps == null ? Math.max(1, masks(generator, tokens)) : steps;
        var settings = UnmaskingSettings.of(generator.maskId(), sampler(), count)
                .withOrderTemperature(orderTemperature())
                .withBlockLength(length);
        int blocks = settings.blocks(new Canvas(1, tokens.length, tokens), 0);
        if (count < blocks) {
            throw new UsageException("--block " + length + " makes " + blocks + " blocks with holes, too many for "
                    + count + " steps; raise --steps or --block");
        }
        return settings;
    }

    private static int masks(Generator generator, int[] tokens) {
        return (int) Arrays.stream(tokens)
                .filter(token -> token == generator.maskId())
                .count();
    }

    /** One token at a time, from left to right. */
    private UnmaskingSettings autoregressive(Generator generator, int[] tokens) {
        new IdleOptions(true, "for an autoregressive model, which writes token by token")
                .refuse("--decode " + decode, !decode.equals("steps"))
                .refuse("--steps", steps != null)
                .refuse("--alg", algorithm != null)
                .refuse("--alg-temp", orderTemperature != null)
                .refuse("--block", block != null);
        requireDraws("for an autoregressive model");
        return UnmaskingSettings.of(generator.maskId(), new Sampler.MaskGitPlus(), masks(generator, tokens))
                .withBlockLength(1);
    }

    private UnmaskingSettings ending(UnmaskingSettings settings, Generator generator, boolean isOpen) {
        var drawing = settings.withSampling(sampling()).withSeed(seed);
        var ends = generator.ends();
        return isOpen && !ends.isEmpty()
                ? drawing.withSuppressed(generator.unknown()).endingAt(ends, generator.filler())
                : drawing.withSuppressed(generator.unprintable());
    }
}
