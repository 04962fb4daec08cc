package io.coda4j.diffusion;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.coda4j.diffusion.random.CounterRandom;
import java.util.List;
import org.junit.jupiter.api.Test;

class ScoredPositionsTest {
    private static final NoisedBatch BATCH = new NoisedBatch(
            2,
            4,
            new int[] {9, 9, 12, 13, 20, 21, 22, 9},
            new int[] {10, 11, 12, 13, 20, 21, 22, 23},
            new float[] {0.5f, 0.25f},
            new boolean[] {true, true, true, true, true, true, true, true},
            new boolean[] {true, true, false, false, false, false, false, true},
            1);

    @Test
    void aShiftedModelIsScoredAtThePositionBeforeAndNeverAtTheFirst() {
        var scored = ScoredPositions.of(BATCH, LossWeighting.INVERSE_SIGMA, true);
        assertArrayEquals(new int[] {0, 6}, scored.hiddenRows());
        assertArrayEquals(new int[] {11, 23}, scored.targets());
        assertArrayEquals(new float[] {1 / (0.5f * 8), 1 / (0.25f * 8)}, scored.weights());
    }

    @Test
    void withoutShiftAPositionPredictsItself() {
        var scored = ScoredPositions.of(BATCH, LossWeighting.MEAN_OVER_MASKED, false);
        assertArrayEquals(new int[] {0, 1, 7}, scored.hiddenRows());
        assertArrayEquals(new int[] {10, 11, 23}, scored.targets());
        assertArrayEquals(new float[] {1 / 3f, 1 / 3f, 1 / 3f}, scored.weights());
    }

    @Test
    void inverseSigmaOverMaskedDividesByTheScored() {
        var scored = ScoredPositions.of(BATCH, LossWeighting.INVERSE_SIGMA_OVER_MASKED, true);
        assertArrayEquals(new float[] {1f, 2f}, scored.weights());
    }

    @Test
    void paddingWeighsNothing() {
        var scored =
                ScoredPositions.of(BATCH, LossWeighting.INVERSE_SIGMA, true).paddedToMultipleOf(4);
        assertEquals(2, scored.count());
        assertArrayEquals(new int[] {0, 6, 0, 0}, scored.hiddenRows());
        assertArrayEquals(new int[] {11, 23, 0, 0}, scored.targets());
        assertArrayEquals(new float[] {.25f, .5f, 0, 0}, scored.weights());
        assertArrayEquals(new float[] {.125f, .25f, 0, 0}, scored.scaledBy(.5f).weights());
        assertEquals(4, scored.paddedTo(4).weights().length);
        assertThrows(IllegalArgumentException.class, () -> scored.paddedTo(1));
    }

    @Test
    void arraysOfOtherSizesAreNamed() {
        var two = new int[2];
        var batch = assertThrows(
                IllegalArgumentException.class,
                () -> new NoisedBatch(1, 2, two, two, new float[2], new boolean[2], new boolean[2], 1));
        assertEquals("sigma has 2 elements, expected 1 x 1", batch.getMessage());
        var scored = assertThrows(IllegalArgumentException.class, () -> new ScoredPositions(two, two, new float[1], 2));
        assertEquals(
                "scored positions: hiddenRows, targets and weights must be of one length and hold count entries,"
                        + " got 2, 2, 1 and a count of 2",
                scored.getMessage());
        assertThrows(IllegalArgumentException.class, () -> new ScoredPositions(two, two, new float[2], 3));
    }

    @Test
    void aBatchWithNothingMaskedFillsOneEmptyBucket() {
        var none = new NoisedBatch(1, 2, new int[2], new int[2], new float[] {1}, new boolean[2], new boolean[2], 1);
        var scored =
                ScoredPositions.of(none, LossWeighting.MEAN_OVER_MASKED, true).paddedToMultipleOf(8);
        assertEquals(0, scored.count());
        assertArrayEquals(new float[8], scored.weights());
    }

    @Test
    void documentStartsCanBeLeftOut() {
        int end = 7;
        int[] clean = {1, end, 2, 3, end, 4};
        var segments = SegmentIds.of(clean, 1, 6, end);
        assertArrayEquals(new int[] {0, 0, 1, 1, 1, 2}, segments);
        var all = new boolean[] {true, true, true, true, true, true};
        var batch = new NoisedBatch(1, 6, new int[6], clean, new float[] {1}, all, all, 1);
        var scored = ScoredPositions.of(batch, LossWeighting.MEAN_OVER_MASKED, true, segments);
        assertArrayEquals(new int[] {end, 3, end}, scored.targets());
        var error = assertThrows(
                IllegalArgumentException.class,
                () -> ScoredPositions.of(batch, LossWeighting.MEAN_OVER_MASKED, true, new int[4]));
        assertEquals("segments has 4 elements, expected 1 x 6", error.getMessage());
    }

    @Test
    void segmentsStartAgainInEveryRow() {
        assertArrayEquals(new int[] {0, 1, 2, 0, 0, 1}, SegmentIds.of(new int[] {7, 7, 1, 1, 7, 1}, 2, 3, 7));
    }

    /** With cross-entropy 1 everywhere the loss of the paper has expectation (L-1)/L. */
    @Test
    void weightsOfThePublishedLossSumToTheirExpectation() {
        int length = 16;
        int rows = 20_000;
        var process = new ForwardProcess(99, 98, MaskingForm.FIXED, NoiseLevels.STRATIFIED);
        var draws = new CounterDraws(new CounterRandom(3), 0, 0, rows);
        var batch = process.apply(
                new int[rows * length], rows, length, null, new MaskingSetting(0, 0, 0, List.of(), 0.05), draws);
        double sum = 0;
        for (float weight :
                ScoredPositions.of(batch, LossWeighting.INVERSE_SIGMA, true).weights()) {
            sum += weight;
        }
        assertEquals((length - 1.0) / length, sum, 0.02);
    }
}
