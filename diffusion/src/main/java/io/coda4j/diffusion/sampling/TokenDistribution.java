package io.coda4j.diffusion.sampling;

import java.util.Arrays;

/**
 * The distribution over tokens that one row of logits stands for: temperature, then top-p, then top-k, then softmax.
 *
 * <p>A reusable workspace of a few arrays of the vocabulary's size, for one thread. Filtering sorts only as many tokens as
 * can survive it, with the same result as a full sort: tokens are ordered by falling logit, equal logits by rising
 * token id. Results are float32; sums are carried in double.
 */
public final class TokenDistribution {
    private static final int BUCKETS = 512;

    /** Buckets per unit of (scaled) logit. */
    private static final float RESOLUTION = 8;

    /** Probability by which collected candidates must exceed top-p, far above rounding. */
    private static final double MARGIN = 1e-5;

    private static final float LOG_OFFSET = 1e-10f;

    private final int[] suppressed;
    private final float[] scaled;
    private final float[] weights;
    private final long[] keys;
    private final double[] bucketMass = new double[BUCKETS];
    private final int[] bucketCount = new int[BUCKETS];

    private int best;
    private float max;
    private double sum;

    /** Tokens kept by a filter are the low halves of {@code keys[0..kept)}; -1 if all are kept. */
    private int kept;

    /**
     * A workspace.
     *
     * @param suppressed token ids that get probability 0
     */
    public TokenDistribution(int vocabularySize, int... suppressed) {
        this.suppressed = suppressed.clone();
        this.scaled = new float[vocabularySize];
        this.weights = new float[vocabularySize];
        this.keys = new long[vocabularySize];
        for (int token : suppressed) {
            if (token < 0 || token >= vocabularySize) {
                throw new IllegalArgumentException(
                        "suppressed token " + token + " is outside the vocabulary of " + vocabularySize);
            }
        }
    }

    /**
     * Takes the row {@code logits[offset..offset+V)}, which is not changed.
     *
     * @throws LogitsException if a logit is NaN or positive infinity, or no token is left
     */
    public void set(float[] logits, int offset, Sampling sampling) {
        scale(logits, offset, sampling);
        findMaximum();
        Arrays.fill(bucketMass, 0);
        Arrays.fill(bucketCount, 0);
        sum = 0;
        kept = -1;
        if (sampling.isFiltering()) {
            exponentiateIntoBuckets();
            filter(sampling);
        } else {
            exponentiate();
        }
    }

    private void scale(float[] logits, int offset, Sampling sampling) {
        System.arraycopy(logits, offset, scaled, 0, scaled.length);
        if (!sampling.isGreedy()) {
            float temperature = (float) sampling.temperature();
            for (int i = 0; i < scaled.length; i++) {
                scaled[i] /= temperature;
            }
        }
        for (int token : suppressed) {
            scaled[token] = Float.NEGATIVE_INFINITY;
        }
    }

    private void findMaximum() {
        best = -1;
        max = Float.NEGATIVE_INFINITY;
        boolean isNan = false;
        for (int i = 0; i < scaled.length; i++) {
            float value = scaled[i];
            isNan |= Float.isNaN(value);
            if (value > max) {
                max = value;
                best = i;
            }
        }
        if (isNan || max == Float.POSITIVE_INFINITY) {
            throw new LogitsException("logits hold NaN or infinity; the model's output is broken");
        }
        if (best < 0) {
            throw new LogitsException("no token is left: every logit is minus infinity or suppressed");
        }
    }

    private void exponentiate() {
        double total = 0;
        for (int i = 0; i < weights.length; i++) {
            float weight = FastFloat.exp(scaled[i] - max);
            weights[i] = weight;
            total += weight;
        }
        sum = total;
    }

    private void exponentiateIntoBuckets() {
        for (int i = 0; i < weights.length; i++) {
            float weight = FastFloat.exp(scaled[i] - max);
            weights[i] = weight;
            int bucket = bucket(scaled[i]);
            bucketMass[bucket] += weight;
            bucketCount[bucket]++;
        }
        for (double mass : bucketMass) {
            sum += mass;
        }
    }

    /** Falls with the logit, so that the first buckets hold the first tokens of the sorted order. */
    private int bucket(float logit) {
        return Math.min(BUCKETS - 1, (int) ((max - logit) * RESOLUTION));
    }

    private void filter(Sampling sampling) {
        int topK = sampling.topK() == 0 ? scaled.length : Math.min(sampling.topK(), scaled.length);
        int candidates = sortCandidates(lastBucket(sampling.topP(), topK));
        int count = candidates;
        if (sampling.topP() < 1) {
            count = nucleus(candidates, (float) sampling.topP());
        }
        if (topK < count) {
            float kth = scaled[token(topK - 1)];
            int end = topK;
            while (end < count && scaled[token(end)] == kth) {
                end++;
            }
            count = end;
        }
        kept = count;
        sum = 0;
        for (int n = 0; n < kept; n++) {
            sum += weights[token(n)];
        }
    }

    /** The first bucket at which the tokens so far are sure to contain all that survive. */
    private int lastBucket(double topP, int topK) {
        double mass = 0;
        long count = 0;
        for (int bucket = 0; bucket < BUCKETS - 1; bucket++) {
            mass += bucketMass[bucket];
            count += bucketCount[bucket];
            if ((topP < 1 && mass > (topP + MARGIN) * sum) || count >= topK) {
                return bucket;
            }
        }
        return BUCKETS - 1;
    }

    private int sortCandidates(int lastBucket) {
        int count = 0;
        for (int i = 0; i < scaled.length; i++) {
            if (bucket(scaled[i]) <= lastBucket) {
                int bits = Float.floatToRawIntBits(scaled[i] + 0f);
                int ascending = bits ^ ((bits >> 31) & Integer.MAX_VALUE);
                keys[count++] = ((long) ~ascending << 32) | i;
            }
        }
        Arrays.sort(keys, 0, count);
        return count;
    }

    /** A token is kept if the probabilities before it, summed, do not exceed top-p; the first always is. */
    private int nucleus(int candidates, float topP) {
        double cumulative = 0;
        int count = 0;
        while (count < candidates && (float) cumulative <= topP) {
            cumulative += (float) (weights[token(count)] / sum);
            count++;
        }
        return count;
    }

    private int token(int n) {
        return (int) keys[n];
    }

    /** The most likely token, the lowest id among equals. */
    public int mostLikely() {
        return best;
    }

    /** Probability of a token. */
    public float probability(int token) {
        return isKept(token) ? (float) (weights[token] / sum) : 0;
    }

    private boolean isKept(int token) {
        if (kept < 0 || token == best) {
            return true;
        }
        for (int n = 0; n < kept; n++) {
            if (token(n) == token) {
                return true;
            }
        }
        return false;
    }

    /** Probability of the most likely token minus that of the second. */
    public float margin() {
        float second = 0;
        if (kept < 0) {
            for (int i = 0; i < weights.length; i++) {
                if (i != best && weights[i] > second) {
                    second = weights[i];
                }
            }
        } else if (kept > 1) {
            second = weights[token(1)];
        }
        return probability(best) - (float) (second / sum);
    }

    /** {@code sum of p * ln(p + 1e-10)}: 0 for a certain token, falling with uncertainty. */
    public float negativeEntropy() {
        double total = 0;
        double scale = 1 / sum;
        int count = kept < 0 ? weights.length : kept;
        for (int n = 0; n < count; n++) {
            float p = (float) (weights[kept < 0 ? n : token(n)] * scale);
            if (p > 0) {
                total += p * FastFloat.log(p + LOG_OFFSET);
            }
        }
        return (float) total;
    }

    /** The token at which the running probability passes {@code u} in [0, 1). */
    public int draw(double u) {
        double left = u * sum;
        int count = kept < 0 ? weights.length : kept;
        int last = best;
        for (int n = 0; n < count; n++) {
            int token = kept < 0 ? n : token(n);
            if (weights[token] > 0) {
                last = token;
                left -= weights[token];
                if (left < 0) {
                    return token;
                }
            }
        }
        return last;
    }

    /** Writes all {@code V} probabilities. */
    public void probabilities(float[] out) {
        Arrays.fill(out, 0);
        int count = kept < 0 ? weights.length : kept;
        for (int n = 0; n < count; n++) {
            int token = kept < 0 ? n : token(n);
            out[token] = (float) (weights[token] / sum);
        }
    }
}
