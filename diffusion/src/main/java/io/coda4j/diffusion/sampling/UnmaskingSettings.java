package io.coda4j.diffusion.sampling;

import java.util.Set;
import java.util.TreeSet;

/**
 * Everything that decides what a run of {@link Unmasking} produces, apart from the model and the hooks.
 *
 * @param maskId token id that stands for "masked"
 * @param steps of a run; the model is called at most this often
 * @param orderTemperature 0 commits the most confident positions; above 0 positions are drawn without replacement with
 *     weights {@code softmax(confidence / orderTemperature)}
 * @param blockLength columns that are finished before the next ones start, from left to right; 0 for all at once
 * @param suppressed token ids that are never produced. Empty for parity with the published sampler, which may produce even the
 *     mask itself
 * @param seed of all draws
 * @param history whether the tokens after every step are kept
 */
public record UnmaskingSettings(
        int maskId,
        Sampler sampler,
        int steps,
        Sampling sampling,
        double orderTemperature,
        TransferSchedule transfers,
        int blockLength,
        ConfidenceSource confidenceSource,
        Set<Integer> suppressed,
        long seed,
        boolean history) {

    public UnmaskingSettings {
        if (steps < 1) {
            throw new IllegalArgumentException("steps must be positive, got " + steps);
        }
        if (!(orderTemperature >= 0) || orderTemperature == Double.POSITIVE_INFINITY) {
            throw new IllegalArgumentException(
                    "orderTemperature must be finite and not negative, got " + orderTemperature);
        }
        if (blockLength < 0) {
            throw new IllegalArgumentException("blockLength must not be negative, got " + blockLength);
        }
        if (sampler instanceof Sampler.Origin && !(transfers instanceof TransferSchedule.Linspace)) {
            throw new IllegalArgumentException("sampler origin commits by probability and needs a linspace schedule");
        }
        suppressed = Set.copyOf(suppressed);
    }

    /** Greedy tokens, a linspace schedule to 1e-3, no blocks, nothing suppressed. */
    public static UnmaskingSettings of(int maskId, Sampler sampler, int steps) {
        return new UnmaskingSettings(
                maskId,
                sampler,
                steps,
                Sampling.GREEDY,
                0,
                new TransferSchedule.Linspace(1e-3),
                0,
                ConfidenceSource.FILTERED,
                Set.of(),
                0,
                false);
    }

    /**
     * Block-wise decoding in the manner of LLaDA: equal counts per step, confidence from the plain softmax.
     */
    public static UnmaskingSettings lowConfidenceBlocks(int maskId, int steps, int blockLength) {
        return of(maskId, new Sampler.MaskGitPlus(), steps)
                .withTransfers(new TransferSchedule.Even())
                .withBlockLength(blockLength)
                .withConfidenceSource(ConfidenceSource.RAW);
    }

    public UnmaskingSettings withSampling(Sampling value) {
        return new UnmaskingSettings(
                maskId,
                sampler,
                steps,
                value,
                orderTemperature,
                transfers,
                blockLength,
                confidenceSource,
                suppressed,
                seed,
                history);
    }

    public UnmaskingSettings withOrderTemperature(double value) {
        return new UnmaskingSettings(
                maskId,
                sampler,
                steps,
                sampling,
                value,
                transfers,
                blockLength,
                confidenceSource,
                suppressed,
                seed,
                history);
    }

    public UnmaskingSettings withTransfers(TransferSchedule value) {
        return new UnmaskingSettings(
                maskId,
                sampler,
                steps,
                sampling,
                orderTemperature,
                value,
                blockLength,
                confidenceSource,
                suppressed,
                seed,
                history);
    }

    public UnmaskingSettings withBlockLength(int value) {
        return new UnmaskingSettings(
                maskId,
                sampler,
                steps,
                sampling,
                orderTemperature,
                transfers,
                value,
                confidenceSource,
                suppressed,
                seed,
                history);
    }

    public UnmaskingSettings withConfidenceSource(ConfidenceSource value) {
        return new UnmaskingSettings(
                maskId,
                sampler,
                steps,
                sampling,
                orderTemperature,
                transfers,
                blockLength,
                value,
                suppressed,
                seed,
                history);
    }

    public UnmaskingSettings withSuppressed(Set<Integer> value) {
        return new UnmaskingSettings(
                maskId,
                sampler,
                steps,
                sampling,
                orderTemperature,
                transfers,
                blockLength,
                confidenceSource,
                value,
                seed,
                history);
    }

    public UnmaskingSettings withSeed(long value) {
        return new UnmaskingSettings(
                maskId,
                sampler,
                steps,
                sampling,
                orderTemperature,
                transfers,
                blockLength,
                confidenceSource,
                suppressed,
                value,
                history);
    }

    public UnmaskingSettings withHistory(boolean value) {
        return new UnmaskingSettings(
                maskId,
                sampler,
                steps,
                sampling,
                orderTemperature,
                transfers,
                blockLength,
                confidenceSource,
                suppressed,
                seed,
                value);
    }

    int[] suppressedIds() {
        return new TreeSet<>(suppressed).stream().mapToInt(Integer::intValue).toArray();
    }
}
