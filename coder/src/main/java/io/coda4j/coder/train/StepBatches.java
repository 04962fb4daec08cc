package io.coda4j.coder.train;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.diffusion.CounterDraws;
import io.coda4j.diffusion.ForwardProcess;
import io.coda4j.diffusion.MaskedBatch;
import io.coda4j.diffusion.MaskingPlan;
import io.coda4j.diffusion.NoisedBatch;
import io.coda4j.diffusion.ScoredPositions;
import io.coda4j.diffusion.SegmentIds;
import io.coda4j.diffusion.random.CounterRandom;

/** What each step of a run learns from: rows of text, their noise and the positions that are scored; functions of the step alone. */
final class StepBatches {
    private final Recipe recipe;
    private final CodaConfig config;
    private final TokenBlocks blocks;
    private final MaskingPlan masking;
    private final ForwardProcess forward;

    StepBatches(Recipe recipe, CodaConfig config, TokenBlocks blocks) {
        this.recipe = recipe;
        this.config = config;
        this.blocks = blocks;
        this.masking = recipe.maskingPlan();
        this.forward = new ForwardProcess(
                config.maskToken(),
                config.padToken(),
                masking.form(),
                recipe.masking().noiseLevels());
    }

    /**
     * One step's batch of B rows of L tokens.
     *
     * @param noised the rows with their noise
     * @param scored the masked positions over which the loss is taken
     * @param input the same for the program, with scored positions padded to the recipe's bucket
     */
    record Batch(NoisedBatch noised, ScoredPositions scored, MaskedBatch input) {}

    /** The batch of the step after {@code step} others, which reads from row {@code row} of the run on. */
    Batch at(long step, long row) {
        var ids = ids(row);
        var noised = noised(ids, step);
        var scored = ScoredPositions.of(noised, recipe.loss().weighting(), config.shift());
        var padded = scored.paddedToMultipleOf(recipe.loss().scoreBucket());
        return new Batch(noised, scored, MaskedBatch.of(noised, padded, segments(ids)));
    }

    private int[] ids(long row) {
        int length = recipe.batch().length();
        var ids = new int[recipe.batch().rows() * length];
        for (int b = 0; b < recipe.batch().rows(); b++) {
            blocks.copy(row + b, ids, b * length);
        }
        return ids;
    }

    private NoisedBatch noised(int[] ids, long step) {
        int rows = recipe.batch().rows();
        var draws = new CounterDraws(new CounterRandom(recipe.seed()), Math.toIntExact(step), 0, rows);
        return forward.apply(
                ids, rows, recipe.batch().length(), null, masking.schedule().at(step), draws);
    }

    /** Of clean ids: padding that truncation puts in belongs to the documents whose place it takes. */
    private int[] segments(int[] ids) {
        return recipe.batch().segmentAttention()
                ? SegmentIds.of(ids, recipe.batch().rows(), recipe.batch().length(), config.eosToken())
                : new int[ids.length];
    }
}
