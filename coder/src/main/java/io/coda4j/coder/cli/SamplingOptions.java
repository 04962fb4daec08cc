package io.coda4j.coder.cli;

import io.coda4j.coder.generate.Generator;
import io.coda4j.diffusion.sampling.Sampler;
import io.coda4j.diffusion.sampling.Sampling;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import picocli.CommandLine.Option;

/** The options that decide how masks are filled. */
final class SamplingOptions {
    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "Denoising steps; fewer are faster and commit more tokens at a time. Default: one per token.")
    private int steps;

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

    /** The settings for filling {@code masks} masked tokens with {@code generator}. */
    UnmaskingSettings settings(Generator generator, int masks) {
        try {
            int count = steps == 0 ? Math.max(1, masks) : steps;
            return UnmaskingSettings.of(generator.config().maskToken(), Sampler.of(algorithm), count)
                    .withSampling(new Sampling(temperature, topP, topK))
                    .withOrderTemperature(orderTemperature)
                    .withBlockLength(blockLength)
                    .withSuppressed(generator.unprintable())
                    .withSeed(seed);
        } catch (IllegalArgumentException e) {
            throw new UsageException(e.getMessage());
        }
    }
}
