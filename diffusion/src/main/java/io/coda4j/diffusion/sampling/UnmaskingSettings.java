package io.coda4j.diffusion.sampling;

import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;

/**
 * Everything that decides what a run of {@link Unmasking} produces, apart from the model and the hooks.
 *
 * @param maskId token id that stands for "masked"
 * @param steps of a scheduled run; the model is called at most this often. Adaptive rules do not look at it
 * @param rule how many positions are committed at a step
 * @param orderTemperature 0 commits the most confident positions; above 0 positions are drawn without replacement with
 *     weights {@code softmax(confidence / orderTemperature)}
 * @param blockLength columns that are finished before the next ones start, from left to right; 0 for all at once
 * @param suppressed token ids that are never produced. Empty for parity with the published sampler, which may produce even the
 *     mask itself
 * @param ends token ids that end a text: once everything up to the first one produced is decided, the row is finished.
 *     Empty where text follows the masks
 * @param filler token id that the masks behind the end become
 * @param seed of all draws
 * @param history whether the tokens after every step are kept
 */
public record UnmaskingSettings(
        int maskId,
        Sampler sampler,
        int steps,
        CommitRule rule,
        Sampling sampling,
        double orderTemperature,
        TransferSchedule transfers,
        int blockLength,
        ConfidenceSource confidenceSource,
        Set<Integer> suppressed,
        Set<Integer> ends,
        int filler,
        long seed,
        boolean history) {

    public UnmaskingSettings {
        if (maskId < 0) {
            throw new IllegalArgumentException("maskId must not be negative, got " + maskId);
        }
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
        if (rule instanceof CommitRule.Adaptive adaptive) {
            requireFit(adaptive, sampler, orderTemperature);
        }
        if (ends.contains(maskId) || filler == maskId) {
            throw new IllegalArgumentException(
                    "the mask " + maskId + " can neither end a text nor fill what is behind");
        }
        if (!ends.isEmpty() && filler < 0) {
            throw new IllegalArgumentException(
                    "what is behind an end needs a token as its filler, which must not be negative, got " + filler);
        }
        suppressed = Set.copyOf(suppressed);
        ends = Set.copyOf(ends);
    }

    private static void requireFit(CommitRule.Adaptive rule, Sampler sampler, double orderTemperature) {
        if (!sampler.equals(rule.measure())) {
            throw new IllegalArgumentException("rule " + rule.label() + " is about the confidence of sampler "
                    + rule.measure().label() + ", not " + sampler.label());
        }
        if (orderTemperature != 0) {
            throw new IllegalArgumentException("rule " + rule.label()
                    + " commits in the order of confidence; orderTemperature must be 0, got " + orderTemperature);
        }
    }

    /** Greedy tokens, a linspace schedule to 1e-3, no blocks, nothing suppressed, no early end. */
    public static UnmaskingSettings of(int maskId, Sampler sampler, int steps) {
        return new UnmaskingSettings(
                maskId,
                sampler,
                steps,
                new CommitRule.Scheduled(),
                Sampling.GREEDY,
                0,
                new TransferSchedule.Linspace(1e-3),
                0,
                ConfidenceSource.FILTERED,
                Set.of(),
                Set.of(),
                -1,
                0,
                false);
    }

    /** As {@link #of(int, Sampler, int)}, committing by {@code rule} and the confidence it is about. */
    public static UnmaskingSettings adaptive(int maskId, CommitRule.Adaptive rule) {
        return of(maskId, rule.measure(), 1).with(copy -> copy.rule = rule);
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
        return with(copy -> copy.sampling = value);
    }

    public UnmaskingSettings withOrderTemperature(double value) {
        return with(copy -> copy.orderTemperature = value);
    }

    public UnmaskingSettings withTransfers(TransferSchedule value) {
        return with(copy -> copy.transfers = value);
    }

    public UnmaskingSettings withBlockLength(int value) {
        return with(copy -> copy.blockLength = value);
    }

    public UnmaskingSettings withConfidenceSource(ConfidenceSource value) {
        return with(copy -> copy.confidenceSource = value);
    }

    public UnmaskingSettings withSuppressed(Set<Integer> value) {
        return with(copy -> copy.suppressed = value);
    }

    /** With an early end at any of {@code tokens}; the masks behind it become {@code fill}. */
    public UnmaskingSettings endingAt(Set<Integer> tokens, int fill) {
        return with(copy -> {
            copy.ends = tokens;
            copy.filler = fill;
        });
    }

    public UnmaskingSettings withSeed(long value) {
        return with(copy -> copy.seed = value);
    }

    public UnmaskingSettings withHistory(boolean value) {
        return with(copy -> copy.history = value);
    }

    /** The blocks of a row that hold a mask; a scheduled run needs a step for each. */
    public int blocks(Canvas canvas, int row) {
        return RowPlan.Blocks.of(this, canvas, row).count();
    }

    private UnmaskingSettings with(Consumer<Copy> change) {
        var copy = new Copy(this);
        change.accept(copy);
        return copy.settings();
    }

    int[] suppressedIds() {
        return new TreeSet<>(suppressed).stream().mapToInt(Integer::intValue).toArray();
    }

    /** The components, to be changed before they become settings again. */
    private static final class Copy {
        private final int maskId;
        private final Sampler sampler;
        private final int steps;
        private CommitRule rule;
        private Sampling sampling;
        private double orderTemperature;
        private TransferSchedule transfers;
        private int blockLength;
        private ConfidenceSource confidenceSource;
        private Set<Integer> suppressed;
        private Set<Integer> ends;
        private int filler;
        private long seed;
        private boolean history;

        Copy(UnmaskingSettings from) {
            maskId = from.maskId;
            sampler = from.sampler;
            steps = from.steps;
            rule = from.rule;
            sampling = from.sampling;
            orderTemperature = from.orderTemperature;
            transfers = from.transfers;
            blockLength = from.blockLength;
            confidenceSource = from.confidenceSource;
            suppressed = from.suppressed;
            ends = from.ends;
            filler = from.filler;
            seed = from.seed;
            history = from.history;
        }

        UnmaskingSettings settings() {
            return new UnmaskingSettings(
                    maskId,
                    sampler,
                    steps,
                    rule,
                    sampling,
                    orderTemperature,
                    transfers,
                    blockLength,
                    confidenceSource,
                    suppressed,
                    ends,
                    filler,
                    seed,
                    history);
        }
    }
}
