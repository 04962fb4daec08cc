package io.coda4j.diffusion.sampling;

/**
 * How a row of logits becomes a distribution.
 *
 * @param temperature logits are divided by it; 0, and what is as good as 0, leaves them alone and takes the most likely token instead
 *     of drawing one
 * @param topP keeps the smallest set of likely tokens whose probability exceeds it; 1 keeps all
 * @param topK keeps the k most likely tokens and those equal to the k-th; 0 keeps all
 */
public record Sampling(double temperature, double topP, int topK) {
    /** The most likely token of the unfiltered distribution. */
    public static final Sampling GREEDY = new Sampling(0, 1, 0);

    /**
     * The least temperature that is told from 0. Far above it the most likely token has all the probability already; below it,
     * float32 could not hold logits that are divided by it.
     */
    private static final double LEAST_TEMPERATURE = 1e-30;

    public Sampling {
        if (!(temperature >= 0) || temperature == Double.POSITIVE_INFINITY) {
            throw new IllegalArgumentException("temperature must be finite and not negative, got " + temperature);
        }
        if (!(topP > 0 && topP <= 1)) {
            throw new IllegalArgumentException("topP must be in (0, 1], got " + topP + "; 1 switches it off");
        }
        if (topK < 0) {
            throw new IllegalArgumentException("topK must not be negative, got " + topK + "; 0 switches it off");
        }
    }

    /** Whether the most likely token is taken instead of drawing one. */
    public boolean isGreedy() {
        return temperature < LEAST_TEMPERATURE;
    }

    boolean isFiltering() {
        return topP < 1 || topK > 0;
    }
}
