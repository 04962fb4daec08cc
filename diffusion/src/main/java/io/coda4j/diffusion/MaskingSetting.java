package io.coda4j.diffusion;

import java.util.List;

/**
 * The probabilities and sizes of the masking strategies at one step.
 *
 * @param prefixProbability of a row to keep a random prefix unmasked (strategy S1)
 * @param truncateProbability of a row without S1 to have a random suffix replaced by padding (strategy S2)
 * @param blockProbability of a batch to be masked in blocks (strategy S3)
 * @param blockSizes lengths of which one is drawn when a batch is masked in blocks
 * @param samplingEps smallest noise level: {@code sigma = (1-eps)*t + eps}
 */
public record MaskingSetting(
        double prefixProbability,
        double truncateProbability,
        double blockProbability,
        List<Integer> blockSizes,
        double samplingEps) {

    /** The usual smallest noise level. */
    public static final double DEFAULT_EPS = 1e-3;

    /** Independent token masking without any strategy. */
    public static final MaskingSetting TOKENS = new MaskingSetting(0, 0, 0, List.of(), DEFAULT_EPS);

    public MaskingSetting {
        requireProbability("prefixProbability", prefixProbability);
        requireProbability("truncateProbability", truncateProbability);
        requireProbability("blockProbability", blockProbability);
        if (!(samplingEps > 0 && samplingEps <= 1)) {
            throw new IllegalArgumentException("samplingEps must be in (0, 1], got " + samplingEps);
        }
        blockSizes = List.copyOf(blockSizes);
        for (int size : blockSizes) {
            if (size < 1) {
                throw new IllegalArgumentException("blockSizes must be positive, got " + blockSizes);
            }
        }
    }

    /** A setting with the default smallest noise level. */
    public static MaskingSetting of(
            double prefixProbability, double truncateProbability, double blockProbability, List<Integer> blockSizes) {
        return new MaskingSetting(prefixProbability, truncateProbability, blockProbability, blockSizes, DEFAULT_EPS);
    }

    /** This setting with all three probabilities multiplied by {@code factor} in [0, 1]. */
    public MaskingSetting scaled(double factor) {
        return new MaskingSetting(
                prefixProbability * factor,
                truncateProbability * factor,
                blockProbability * factor,
                blockSizes,
                samplingEps);
    }

    public MaskingSetting withBlockSizes(List<Integer> sizes) {
        return new MaskingSetting(prefixProbability, truncateProbability, blockProbability, sizes, samplingEps);
    }

    private static void requireProbability(String name, double value) {
        if (!(value >= 0 && value <= 1)) {
            throw new IllegalArgumentException(name + " must be in [0, 1], got " + value);
        }
    }
}
