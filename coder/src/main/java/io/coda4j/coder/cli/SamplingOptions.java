package io.coda4j.coder.cli;

import io.coda4j.coder.generate.Generator;
import io.coda4j.diffusion.sampling.Sampler;
import io.coda4j.diffusion.sampling.Sampling;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that decide how masks are filled. */
final class SamplingOptions {
    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "Denoising steps; fewer are faster and commit more tokens at a time. Default: one per token.")
    private @Nullable Integer steps;

    @Option(
            names = "--alg",
            paramLabel = "NAME",
            defaultValue = "entropy",
            description = "Which positions are committed first: entropy (default), maskgit_plus, topk_margin, origin"
                    + " (random).")
    private String algorithm = "entropy";

    @Option(
            names = "--temperature",
            paramLabel = "T",
            defaultValue = "0",
            description = "0 takes the most likely token (default); above 0 draws.")
    private double temperature;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            defaultValue = "1",
            description = "Draw from the smallest set of tokens with this probability; 1 keeps all.")
    private double topP = 1;

    @Option(
            names = "--top-k",
            paramLabel = "K",
            defaultValue = "0",
            description = "Draw from the K most likely tokens; 0 keeps all.")
    private int topK;

    @Option(
            names = "--alg-temp",
            paramLabel = "T",
            defaultValue = "0",
            description = "Randomness in the order of positions; 0 is the most confident first.")
    private double orderTemperature;

    @Option(
            names = "--block-length",
            paramLabel = "N",
            defaultValue = "0",
            description = "Fill blocks of N positions from left to right; 0 fills everything at once.")
    private int blockLength;

    @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "Seed of all draws.")
    private long seed;

    /**
     * Checks each option by itself, which needs no model.
     *
     * @throws UsageException naming the option
     */
    void check() {
        var sampler = checked("--alg", () -> Sampler.of(algorithm));
        checked("--temperature", () -> new Sampling(temperature, 1, 0));
        checked("--top-p", () -> new Sampling(0, topP, 0));
        checked("--top-k", () -> new Sampling(0, 1, topK));
        var settings = checked("--steps", () -> UnmaskingSettings.of(0, sampler, steps == null ? 1 : steps));
        checked("--alg-temp", () -> settings.withOrderTemperature(orderTemperature));
        checked("--block-length", () -> settings.withBlockLength(blockLength));
    }

    private static <T> T checked(String option, Supplier<T> value) {
        try {
            return value.get();
        } catch (IllegalArgumentException e) {
            throw new UsageException(option + ": " + e.getMessage());
        }
    }

    /**
     * The settings for filling masked tokens with {@code generator}, after {@link #check}.
     *
     * @param masks how many there are
     * @param span tokens from the first of them to the end of the text
     */
    UnmaskingSettings settings(Generator generator, int masks, int span) {
        int blocks = blockLength > 0 ? Math.ceilDiv(span, blockLength) : 1;
        int count = steps == null ? Math.max(masks, blocks) : steps;
        if (count < blocks) {
            throw new UsageException("--block-length " + blockLength + " makes " + blocks + " blocks of the " + span
                    + " tokens from the first hole on, too many for " + count
                    + " steps; raise --steps or --block-length");
        }
        return UnmaskingSettings.of(generator.config().maskToken(), Sampler.of(algorithm), count)
                .withSampling(new Sampling(temperature, topP, topK))
                .withOrderTemperature(orderTemperature)
                .withBlockLength(blockLength)
                .withSuppressed(generator.unprintable())
                .withSeed(seed);
    }
}
