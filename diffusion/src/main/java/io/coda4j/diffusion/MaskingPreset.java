package io.coda4j.diffusion;

import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** Named masking plans; the sources of the model disagree, so each has its own (specification 2a.8). */
public enum MaskingPreset {
    /** As the CoDA report describes it: probabilities per batch, the mid-training table by epoch. */
    PAPER,

    /** As the published recipes and code have it, quirks included. */
    RECIPE,

    /** As the configuration of the released instruct model has it: lists cycled by epoch. Fine-tuning only. */
    RELEASED_SFT,

    /** The numbers of the recipes with the masking repaired. */
    FIXED;

    private static final List<Integer> SMALL_BLOCKS = List.of(2, 4, 8);
    private static final List<Integer> RELEASED_BLOCKS = List.of(4, 8, 16, 32);
    private static final double[][] PAPER_TABLE = {
        {.01, .01, .05}, {.05, .05, .10}, {.10, .10, .15}, {.15, .15, .20}, {.20, .20, .25}
    };
    private static final double[] RELEASED_EPS = {.001, .25, .5, .25, .001};
    private static final double[] RELEASED_BLOCK_PROBABILITY = {.25, .5, .5, .75, .25};

    /** Name on the command line, for example {@code released-sft}. */
    public String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /**
     * The plan for one stage.
     *
     * @param epochs epochs of the stage; only plans that change by epoch use it
     * @throws IllegalArgumentException for {@link #RELEASED_SFT} with a stage other than fine-tuning
     */
    public MaskingPlan plan(TrainingStage stage, long totalSteps, int epochs) {
        var always = new PromptAnneal(0, totalSteps);
        return switch (this) {
            case PAPER ->
                new MaskingPlan(
                        MaskingForm.FIXED,
                        paperSchedule(stage, totalSteps, epochs),
                        stage == TrainingStage.FINETUNE ? PromptAnneal.firstEpoch(epochs, totalSteps) : always);
            case RECIPE -> new MaskingPlan(MaskingForm.LEGACY, recipeSchedule(stage), recipeAnneal(stage, totalSteps));
            case FIXED -> new MaskingPlan(MaskingForm.FIXED, recipeSchedule(stage), recipeAnneal(stage, totalSteps));
            case RELEASED_SFT -> {
                if (stage != TrainingStage.FINETUNE) {
                    throw new IllegalArgumentException(
                            "preset released-sft describes fine-tuning only; choose paper, recipe or fixed for "
                                    + stage);
                }
                yield new MaskingPlan(
                        MaskingForm.LEGACY, releasedSchedule(totalSteps, epochs), recipeAnneal(stage, totalSteps));
            }
        };
    }

    private static MaskingSchedule paperSchedule(TrainingStage stage, long totalSteps, int epochs) {
        return switch (stage) {
            case PRETRAIN -> new MaskingSchedule.Constant(MaskingSetting.of(.01, .01, .01, SMALL_BLOCKS));
            case MIDTRAIN ->
                new MaskingSchedule.EpochTable(
                        IntStream.range(0, PAPER_TABLE.length)
                                .mapToObj(i -> MaskingSetting.of(
                                        PAPER_TABLE[i][0], PAPER_TABLE[i][1], PAPER_TABLE[i][2], SMALL_BLOCKS))
                                .toList(),
                        epochs,
                        totalSteps,
                        false);
            case FINETUNE -> new MaskingSchedule.Constant(MaskingSetting.TOKENS);
        };
    }

    private static MaskingSchedule recipeSchedule(TrainingStage stage) {
        return new MaskingSchedule.Constant(
                switch (stage) {
                    case PRETRAIN -> MaskingSetting.of(.01, .01, .01, SMALL_BLOCKS);
                    case MIDTRAIN -> MaskingSetting.of(.25, .25, .3, SMALL_BLOCKS);
                    case FINETUNE -> MaskingSetting.TOKENS;
                });
    }

    private static PromptAnneal recipeAnneal(TrainingStage stage, long totalSteps) {
        return new PromptAnneal(stage == TrainingStage.FINETUNE ? PromptAnneal.RECIPE_RATIO : 0, totalSteps);
    }

    private static MaskingSchedule releasedSchedule(long totalSteps, int epochs) {
        return new MaskingSchedule.EpochTable(
                IntStream.range(0, RELEASED_EPS.length)
                        .mapToObj(i -> new MaskingSetting(
                                0, 0, RELEASED_BLOCK_PROBABILITY[i], RELEASED_BLOCKS, RELEASED_EPS[i]))
                        .toList(),
                epochs,
                totalSteps,
                true);
    }
}
