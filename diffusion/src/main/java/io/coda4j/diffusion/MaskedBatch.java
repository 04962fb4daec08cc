package io.coda4j.diffusion;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;

/**
 * A noised batch as operands of the loss program.
 *
 * @param noisyIds I32[B,L], what the model sees
 * @param segments I32[B,L], documents that do not see each other
 * @param hiddenRows I32[S], rows of hidden[B*L,D] that predict the scored tokens
 * @param targets I32[S], the scored tokens
 * @param weights F32[S], 0 at padding
 */
public record MaskedBatch(Tensor noisyIds, Tensor segments, Tensor hiddenRows, Tensor targets, Tensor weights) {
    /**
     * The operands for {@code batch}.
     *
     * @param segments [B*L]
     */
    public static MaskedBatch of(NoisedBatch batch, ScoredPositions scored, int[] segments) {
        var rows = Shape.of(batch.rows(), batch.length());
        var entries = Shape.of(scored.hiddenRows().length);
        return new MaskedBatch(
                Array.of(rows, batch.noisyIds()),
                Array.of(rows, segments),
                Array.of(entries, scored.hiddenRows()),
                Array.of(entries, scored.targets()),
                Array.of(entries, scored.weights()));
    }
}
