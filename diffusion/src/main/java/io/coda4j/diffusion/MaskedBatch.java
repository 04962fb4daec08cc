package io.coda4j.diffusion;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/**
 * A noised batch as operands of the loss program, in one of two forms. A list of the scored positions costs least; a
 * table of every position, most of which weigh nothing, can be split among devices by rows.
 *
 * @param noisyIds I32[B,L], what the model sees
 * @param segments I32[B,L], documents that do not see each other
 * @param hiddenRows I32[S], rows of hidden[B*L,D] that predict the scored tokens; null where every position is listed
 * @param targets I32[S], the scored tokens; or I32[B,L], what each position predicts
 * @param weights F32[S] or F32[B,L], 0 at padding and where nothing is scored
 */
public record MaskedBatch(
        Tensor noisyIds, Tensor segments, @Nullable Tensor hiddenRows, Tensor targets, Tensor weights) {
    /**
     * The operands for {@code batch}, as a list of the scored positions.
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

    /**
     * The operands for {@code batch}, as a table of every position.
     *
     * @param segments [B*L]
     */
    public static MaskedBatch ofEveryPosition(NoisedBatch batch, ScoredPositions scored, int[] segments) {
        var table = Shape.of(batch.rows(), batch.length());
        var targets = new int[segments.length];
        var weights = new float[segments.length];
        for (int n = 0; n < scored.count(); n++) {
            int row = scored.hiddenRows()[n];
            targets[row] = scored.targets()[n];
            weights[row] = scored.weights()[n];
        }
        return new MaskedBatch(
                Array.of(table, batch.noisyIds()),
                Array.of(table, segments),
                null,
                Array.of(table, targets),
                Array.of(table, weights));
    }
}
