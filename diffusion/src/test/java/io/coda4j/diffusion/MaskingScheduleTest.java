package io.coda4j.diffusion;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class MaskingScheduleTest {
    private static final MaskingSetting TARGET = MaskingSetting.of(.1, .2, .4, List.of(2, 4));

    @Test
    void linearStartsAtZeroAndStopsAtTheTarget() {
        var schedule = new MaskingSchedule.Linear(TARGET, 10);
        assertEquals(MaskingSetting.of(0, 0, 0, List.of(2, 4)), schedule.at(0));
        assertEquals(.2, schedule.at(5).blockProbability());
        assertEquals(TARGET, schedule.at(10));
        assertEquals(TARGET, schedule.at(1000));
    }

    @Test
    void phasesChangeAtTruncatedBoundaries() {
        var sizes = List.of(List.of(2), List.of(4), List.of(8));
        var schedule = new MaskingSchedule.Phases(new MaskingSchedule.Constant(TARGET), sizes, 10);
        // 10/3 = 3.33, 6.67: boundaries 3 and 6.
        int[] expected = {2, 2, 2, 4, 4, 4, 8, 8, 8, 8, 8, 8};
        for (int step = 0; step < expected.length; step++) {
            assertEquals(List.of(expected[step]), schedule.at(step).blockSizes(), "step " + step);
            assertEquals(.4, schedule.at(step).blockProbability());
        }
    }

    @Test
    void phasesCombineWithALinearRamp() {
        var schedule =
                new MaskingSchedule.Phases(new MaskingSchedule.Linear(TARGET, 8), List.of(List.of(2), List.of(16)), 8);
        assertEquals(MaskingSetting.of(.1 * .5, .2 * .5, .4 * .5, List.of(16)), schedule.at(4));
    }

    @Test
    void paperFollowsItsTableInMidTraining() {
        var plan = MaskingPreset.PAPER.plan(TrainingStage.MIDTRAIN, 50_000, 5);
        double[][] table = {{.01, .05}, {.05, .1}, {.1, .15}, {.15, .2}, {.2, .25}};
        for (int epoch = 0; epoch < 5; epoch++) {
            for (long step : new long[] {epoch * 10_000L, epoch * 10_000L + 9_999}) {
                var setting = plan.schedule().at(step);
                assertEquals(table[epoch][0], setting.prefixProbability());
                assertEquals(table[epoch][0], setting.truncateProbability());
                assertEquals(table[epoch][1], setting.blockProbability());
            }
        }
        assertEquals(.2, plan.schedule().at(50_000).prefixProbability());
        assertEquals(MaskingForm.FIXED, plan.form());
    }

    @Test
    void releasedSftCyclesItsListsByEpoch() {
        var plan = MaskingPreset.RELEASED_SFT.plan(TrainingStage.FINETUNE, 1000, 10);
        double[] eps = {.001, .25, .5, .25, .001, .001, .25, .5, .25, .001};
        double[] block = {.25, .5, .5, .75, .25, .25, .5, .5, .75, .25};
        for (int epoch = 0; epoch < 10; epoch++) {
            var setting = plan.schedule().at(epoch * 100L + 50);
            assertEquals(eps[epoch], setting.samplingEps());
            assertEquals(block[epoch], setting.blockProbability());
            assertEquals(List.of(4, 8, 16, 32), setting.blockSizes());
        }
        assertEquals(MaskingForm.LEGACY, plan.form());
        assertThrows(
                IllegalArgumentException.class, () -> MaskingPreset.RELEASED_SFT.plan(TrainingStage.PRETRAIN, 10, 1));
    }

    @Test
    void recipeAndFixedShareTheirNumbersAndDifferInForm() {
        for (var stage : TrainingStage.values()) {
            var recipe = MaskingPreset.RECIPE.plan(stage, 100, 10);
            var fixed = MaskingPreset.FIXED.plan(stage, 100, 10);
            assertEquals(recipe.schedule().at(50), fixed.schedule().at(50));
            assertEquals(MaskingForm.LEGACY, recipe.form());
            assertEquals(MaskingForm.FIXED, fixed.form());
        }
        assertEquals(
                MaskingSetting.of(.25, .25, .3, List.of(2, 4, 8)),
                MaskingPreset.RECIPE
                        .plan(TrainingStage.MIDTRAIN, 100, 1)
                        .schedule()
                        .at(0));
        assertEquals("released-sft", MaskingPreset.RELEASED_SFT.label());
    }

    @Test
    void promptsGrowFromTheLeftOverTheConfiguredPart() {
        boolean[] prompt = {true, true, true, true, false, false, true, true, false, false, false, false};
        var recipe = MaskingPreset.RECIPE.plan(TrainingStage.FINETUNE, 200, 10).promptAnneal();
        assertEquals(0.05, recipe.ratio());
        assertArrayEquals(new boolean[12], recipe.at(0, prompt, 2, 6));
        // Step 5 of 10: half of 4 and half of 2.
        boolean[] half = {true, true, false, false, false, false, true, false, false, false, false, false};
        assertArrayEquals(half, recipe.at(5, prompt, 2, 6));
        assertArrayEquals(prompt, recipe.at(10, prompt, 2, 6));
        assertArrayEquals(prompt, recipe.at(150, prompt, 2, 6));
        var paper = MaskingPreset.PAPER.plan(TrainingStage.FINETUNE, 200, 10).promptAnneal();
        assertEquals(0.1, paper.ratio());
        assertArrayEquals(half, paper.at(10, prompt, 2, 6));
        assertArrayEquals(prompt, new PromptAnneal(0, 200).at(0, prompt, 2, 6));
    }

    @Test
    void badSettingsAreNamed() {
        assertMessage("maxScheduleSteps must be positive, got 0", () -> new MaskingSchedule.Linear(TARGET, 0));
        assertMessage("step must not be negative, got -1", () -> new MaskingSchedule.Constant(TARGET).at(-1));
        assertMessage("rows is empty", () -> new MaskingSchedule.EpochTable(List.of(), 1, 1, true));
        assertMessage("ratio in [0, 1]", () -> new PromptAnneal(2, 10));
        assertMessage("epochs must be positive, got 0", () -> PromptAnneal.firstEpoch(0, 10));
        assertMessage(
                "srcMask has 3 elements, expected 2 x 4", () -> new PromptAnneal(1, 10).at(1, new boolean[3], 2, 4));
    }

    private static void assertMessage(String part, Runnable action) {
        var e = assertThrows(IllegalArgumentException.class, action::run);
        assertTrue(e.getMessage().contains(part), e.getMessage());
    }
}
