package io.coda4j.diffusion;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The masked positions of a batch as the loss wants them: which hidden state predicts which token with which weight.
 *
 * <p>The loss is {@code sum_n weights[n] * crossEntropy(logits(hidden[hiddenRows[n]]), targets[n])}; only these rows ever meet
 * the vocabulary. Entries from {@code count} on are padding: row 0, target 0, weight 0.
 *
 * @param hiddenRows {@code [N]} row of {@code hidden[B*L, D]}
 * @param targets {@code [N]} token ids
 * @param weights {@code [N]}
 * @param count real entries, at most {@code N}
 */
public record ScoredPositions(int[] hiddenRows, int[] targets, float[] weights, int count) {
    /**
     * Checked sizes.
     *
     * @throws IllegalArgumentException if the arrays differ in length or hold fewer than {@code count} entries
     */
    public ScoredPositions {
        int size = hiddenRows.length;
        if (targets.length != size || weights.length != size || count < 0 || count > size) {
            throw new IllegalArgumentException("scored positions: hiddenRows, targets and weights must be of one length"
                    + " and hold count entries, got " + size + ", " + targets.length + ", " + weights.length
                    + " and a count of " + count);
        }
    }

    /**
     * Lists the scored positions in the order of the batch.
     *
     * @param shift true if the hidden state of a position predicts the next token: position {@code i} is then predicted by
     *     {@code i-1} and position 0 is never scored. False if a position predicts itself
     */
    public static ScoredPositions of(NoisedBatch batch, LossWeighting weighting, boolean shift) {
        return of(batch, weighting, shift, null);
    }

    /**
     * Lists the scored positions without the first token of any document but a row's first.
     *
     * <p>With attention inside documents and a shift, such a token would be predicted by the last position of the document
     * before, which sees nothing of its own.
     *
     * @param segments {@code [B,L]} from {@link SegmentIds}, or null to score document starts too
     * @throws IllegalArgumentException if there are segments of another number of positions
     */
    public static ScoredPositions of(
            NoisedBatch batch, LossWeighting weighting, boolean shift, int @Nullable [] segments) {
        int length = batch.length();
        if (segments != null) {
            ForwardProcess.requireSize("segments", segments.length, batch.rows(), length);
        }
        var positions = new int[batch.masked().length];
        int count = 0;
        for (int n = 0; n < positions.length; n++) {
            boolean isFirst = n % length == 0;
            boolean isScored = batch.masked()[n] && !(shift && isFirst);
            if (isScored && (segments == null || isFirst || segments[n] == segments[n - 1])) {
                positions[count++] = n;
            }
        }
        var rows = new int[count];
        var targets = new int[count];
        var weights = new float[count];
        for (int n = 0; n < count; n++) {
            int position = positions[n];
            rows[n] = shift ? position - 1 : position;
            targets[n] = batch.targets()[position];
            weights[n] = weight(weighting, batch.sigma()[position / length], positions.length, count);
        }
        return new ScoredPositions(rows, targets, weights, count);
    }

    private static float weight(LossWeighting weighting, float sigma, int tokens, int scored) {
        return (float)
                switch (weighting) {
                    case INVERSE_SIGMA -> 1.0 / ((double) sigma * tokens);
                    case INVERSE_SIGMA_OVER_MASKED -> 1.0 / ((double) sigma * scored);
                    case MEAN_OVER_MASKED -> 1.0 / scored;
                };
    }

    /** These positions padded with weight 0 to the next multiple of {@code bucket}, at least one bucket. */
    public ScoredPositions paddedToMultipleOf(int bucket) {
        if (bucket < 1) {
            throw new IllegalArgumentException("bucket must be positive, got " + bucket);
        }
        return paddedTo(Math.max(1, Math.ceilDiv(count, bucket)) * bucket);
    }

    /** These positions padded with weight 0 to {@code size} entries. */
    public ScoredPositions paddedTo(int size) {
        if (size < count) {
            throw new IllegalArgumentException(count + " scored positions do not fit a bucket of " + size);
        }
        return new ScoredPositions(
                resized(hiddenRows, count, size), resized(targets, count, size), resized(weights, count, size), count);
    }

    /** These positions with every weight multiplied, for example by 1/parts when gradients of parts are summed. */
    public ScoredPositions scaledBy(float factor) {
        var scaled = weights.clone();
        for (int n = 0; n < scaled.length; n++) {
            scaled[n] *= factor;
        }
        return new ScoredPositions(hiddenRows, targets, scaled, count);
    }

    private static int[] resized(int[] values, int count, int size) {
        return Arrays.copyOf(Arrays.copyOf(values, count), size);
    }

    private static float[] resized(float[] values, int count, int size) {
        return Arrays.copyOf(Arrays.copyOf(values, count), size);
    }
}
