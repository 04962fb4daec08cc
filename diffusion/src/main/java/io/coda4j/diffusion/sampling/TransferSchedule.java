package io.coda4j.diffusion.sampling;

/** How many tokens of a row (or of its current block) are committed at each step. */
public sealed interface TransferSchedule {

    /**
     * Tokens to commit.
     *
     * @param step of the row or block, from 0
     * @param steps of the row or block
     * @param liveMasks masks left now
     * @param initialMasks masks at step 0
     */
    int transfers(int step, int steps, int liveMasks, int initialMasks);

    /** The whole sequence for {@code masks} positions when every commit succeeds, {@code [steps]}. */
    default int[] counts(int masks, int steps) {
        var counts = new int[steps];
        int live = masks;
        for (int step = 0; step < steps; step++) {
            counts[step] = Math.min(live, transfers(step, steps, live, masks));
            live -= counts[step];
        }
        return counts;
    }

    /**
     * Time runs from 1 to {@code eps} in equal steps; a step from {@code t} to {@code s} commits the part {@code 1 - s/t} of the
     * masks left, rounded down, and the last step all. Float32, like the published sampler.
     */
    record Linspace(double eps) implements TransferSchedule {
        public Linspace {
            if (!(eps > 0 && eps < 1)) {
                throw new IllegalArgumentException("eps must be in (0, 1), got " + eps);
            }
        }

        /** Time {@code i} of {@code steps + 1}, computed from the nearer end. */
        float time(int i, int steps) {
            float end = (float) eps;
            float delta = (end - 1f) / steps;
            return i < (steps + 1) / 2 ? 1f + delta * i : end - delta * (steps - i);
        }

        /** Probability that a masked position is committed at a step. */
        public float probability(int step, int steps) {
            return step < steps - 1 ? 1f - time(step + 1, steps) / time(step, steps) : 1f;
        }

        @Override
        public int transfers(int step, int steps, int liveMasks, int initialMasks) {
            return (int) (liveMasks * probability(step, steps));
        }
    }

    /** Equal counts fixed when the row or block starts; the remainder goes to the first steps. */
    record Even() implements TransferSchedule {
        @Override
        public int transfers(int step, int steps, int liveMasks, int initialMasks) {
            return Math.min(liveMasks, initialMasks / steps + (step < initialMasks % steps ? 1 : 0));
        }
    }
}
