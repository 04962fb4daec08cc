package io.coda4j.diffusion;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.diffusion.random.CounterRandom;
import io.coda4j.diffusion.random.Purpose;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class ForwardProcessTest {
    private static final int MASK = 99;
    private static final int PAD = 98;
    private static final int ROWS = 40_000;

    /** Counter draws with every noise level set to {@code level}. */
    private record FixedLevel(NoiseDraws under, float level) implements NoiseDraws {
        @Override
        public float[] uniform(Purpose purpose, int rows, int columns) {
            var drawn = under.uniform(purpose, rows, columns);
            if (purpose == Purpose.NOISE_LEVEL) {
                Arrays.fill(drawn, level);
            }
            return drawn;
        }

        @Override
        public int[] integers(Purpose purpose, int rows, int low, int highExclusive) {
            return under.integers(purpose, rows, low, highExclusive);
        }
    }

    private static ForwardProcess process(MaskingForm form) {
        return new ForwardProcess(MASK, PAD, form, NoiseLevels.INDEPENDENT);
    }

    private static CounterDraws draws(int step, int rows) {
        return new CounterDraws(new CounterRandom(42), step, 0, rows);
    }

    private static int[] ids(int rows, int length) {
        var ids = new int[rows * length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = i % 50;
        }
        return ids;
    }

    /** How often each position of a row is masked at {@code sigma = 0.5}, over many rows. */
    private static double[] maskedFrequency(MaskingForm form, int k, boolean[] given) {
        int length = given.length;
        var srcMask = new boolean[ROWS * length];
        for (int b = 0; b < ROWS; b++) {
            System.arraycopy(given, 0, srcMask, b * length, length);
        }
        var setting = new MaskingSetting(0, 0, 1, List.of(k), 1e-3);
        float level = (float) ((0.5 - 1e-3) / (1 - 1e-3));
        var batch = process(form)
                .apply(ids(ROWS, length), ROWS, length, srcMask, setting, new FixedLevel(draws(0, ROWS), level));
        assertEquals(0.5f, batch.sigma()[0], 1e-6f);
        var frequency = new double[length];
        for (int i = 0; i < srcMask.length; i++) {
            frequency[i % length] += batch.masked()[i] ? 1.0 / ROWS : 0;
        }
        return frequency;
    }

    // Five standard deviations of a frequency of 0.5 over 40,000 rows.
    private static final double TOLERANCE = 5 * 0.5 / Math.sqrt(ROWS);

    @Test
    void legacyBlocksUnderMaskEdgesByTheKnownAmounts() {
        var frequency = maskedFrequency(MaskingForm.LEGACY, 4, new boolean[12]);
        double[] expected = {.159104, .292893, .405396, .5, .5, .5, .5, .5, .5, .405396, .292893, .159104};
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], frequency[i], TOLERANCE, "position " + i);
        }
    }

    @Test
    void legacyBlocksNeverMaskRunsShorterThanABlock() {
        boolean[] given = {false, false, false, true, false, false, false, false, true, false};
        var frequency = maskedFrequency(MaskingForm.LEGACY, 4, given);
        double whole = .159104;
        double[] expected = {0, 0, 0, 0, whole, whole, whole, whole, 0, 0};
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], frequency[i], TOLERANCE, "position " + i);
        }
    }

    @ParameterizedTest
    @CsvSource({"2", "3", "4", "8", "16"})
    void fixedBlocksMaskEveryMaskablePositionWithProbabilitySigma(int k) {
        boolean[] given = {false, true, false, false, true, true, false, false, false, false, false, false, true};
        var frequency = maskedFrequency(MaskingForm.FIXED, k, given);
        for (int i = 0; i < given.length; i++) {
            assertEquals(given[i] ? 0 : 0.5, frequency[i], given[i] ? 0 : TOLERANCE, "position " + i);
        }
    }

    @Test
    void fixedBlocksStayCorrelatedOverABlock() {
        int length = 40;
        var setting = new MaskingSetting(0, 0, 1, List.of(8), 1e-3);
        var batch = process(MaskingForm.FIXED)
                .apply(ids(5000, length), 5000, length, null, setting, new FixedLevel(draws(1, 5000), 0.1f));
        int starts = 0;
        int masked = 0;
        for (int b = 0; b < 5000; b++) {
            for (int i = 8; i < 32; i++) {
                masked += batch.masked()[b * length + i] ? 1 : 0;
                starts += batch.masked()[b * length + i] && !batch.masked()[b * length + i - 1] ? 1 : 0;
            }
        }
        assertTrue((double) masked / starts > 7.5, "mean run " + (double) masked / starts);
    }

    @Test
    void legacyLeavesARowShorterThanTheBlockAlone() {
        var batch = process(MaskingForm.LEGACY)
                .apply(ids(3, 4), 3, 4, null, new MaskingSetting(0, 0, 1, List.of(8), 1e-3), draws(0, 3));
        assertArrayEquals(ids(3, 4), batch.noisyIds());
    }

    @Test
    void fixedGatesBlocksByTheirProbabilityAndLegacyDoesNot() {
        var setting = new MaskingSetting(0, 0, 0.25, List.of(2, 4), 1e-3);
        int fixed = 0;
        int legacy = 0;
        for (int step = 0; step < 2000; step++) {
            fixed += process(MaskingForm.FIXED)
                                    .apply(ids(1, 8), 1, 8, null, setting, draws(step, 1))
                                    .blockSize()
                            > 1
                    ? 1
                    : 0;
            legacy += process(MaskingForm.LEGACY)
                                    .apply(ids(1, 8), 1, 8, null, setting, draws(step, 1))
                                    .blockSize()
                            > 1
                    ? 1
                    : 0;
        }
        assertEquals(2000, legacy);
        assertEquals(500, fixed, 5 * Math.sqrt(2000 * .25 * .75));
    }

    @Test
    void aLiteralMaskTokenIsScoredByLegacyOnly() {
        var ids = new int[] {1, MASK, 2, 3};
        boolean[] given = {true, true, true, true};
        var fixed = process(MaskingForm.FIXED).apply(ids, 1, 4, given, MaskingSetting.TOKENS, draws(0, 1));
        var legacy = process(MaskingForm.LEGACY).apply(ids, 1, 4, given, MaskingSetting.TOKENS, draws(0, 1));
        assertArrayEquals(new boolean[4], fixed.masked());
        assertArrayEquals(new boolean[] {false, true, false, false}, legacy.masked());
    }

    @ParameterizedTest
    @EnumSource(MaskingForm.class)
    void truncationReplacesTargetsByPaddingAndProtectsAllPadding(MaskingForm form) {
        var ids = ids(200, 10);
        ids[3] = PAD;
        var setting = MaskingSetting.of(0, 0.5, 0, List.of());
        var batch = process(form).apply(ids, 200, 10, null, setting, draws(0, 200));
        int truncated = 0;
        for (int b = 0; b < 200; b++) {
            boolean isCut = false;
            for (int i = 0; i < 10; i++) {
                int n = b * 10 + i;
                isCut |= batch.targets()[n] == PAD && n != 3;
                assertEquals(isCut || n == 3, !batch.maskable()[n]);
                assertEquals(isCut || n == 3 ? PAD : ids[n], batch.targets()[n]);
                assertFalse(i == 0 && isCut, "position 0 is never cut");
            }
            truncated += isCut ? 1 : 0;
        }
        assertEquals(100, truncated, 36);
    }

    @Test
    void aRowIsNeverBothPrefixedAndTruncated() {
        var setting = MaskingSetting.of(1, 1, 0, List.of());
        var batch = process(MaskingForm.FIXED).apply(ids(50, 10), 50, 10, null, setting, draws(0, 50));
        assertArrayEquals(ids(50, 10), batch.targets());
        for (int b = 0; b < 50; b++) {
            assertFalse(batch.maskable()[b * 10]);
            assertTrue(batch.maskable()[b * 10 + 9]);
        }
    }

    @Test
    void aBatchInPartsEqualsTheWhole() {
        var setting = MaskingSetting.of(0.3, 0.3, 0.5, List.of(2, 4));
        for (var levels : NoiseLevels.values()) {
            var process = new ForwardProcess(MASK, PAD, MaskingForm.FIXED, levels);
            var random = new CounterRandom(7);
            var ids = ids(8, 20);
            var whole = process.apply(ids, 8, 20, null, setting, new CounterDraws(random, 5, 0, 8));
            for (int first = 0; first < 8; first += 2) {
                var part = process.apply(
                        Arrays.copyOfRange(ids, first * 20, (first + 2) * 20),
                        2,
                        20,
                        null,
                        setting,
                        new CounterDraws(random, 5, first, 8));
                assertArrayEquals(Arrays.copyOfRange(whole.noisyIds(), first * 20, (first + 2) * 20), part.noisyIds());
                assertArrayEquals(Arrays.copyOfRange(whole.sigma(), first, first + 2), part.sigma());
            }
        }
    }

    @Test
    void stratifiedLevelsPutOneRowIntoEachPart() {
        var process = new ForwardProcess(MASK, PAD, MaskingForm.FIXED, NoiseLevels.STRATIFIED);
        var batch = process.apply(ids(16, 4), 16, 4, null, MaskingSetting.TOKENS, draws(3, 16));
        for (int b = 0; b < 16; b++) {
            double t = (batch.sigma()[b] - 1e-3) / (1 - 1e-3);
            assertTrue(t >= b / 16.0 - 1e-6 && t < (b + 1) / 16.0 + 1e-6, "row " + b + " has t " + t);
        }
    }

    @Test
    void stratifiedLevelsDoNotDependOnHowTheBatchIsCut() {
        var process = new ForwardProcess(MASK, PAD, MaskingForm.FIXED, NoiseLevels.STRATIFIED);
        int rows = 64;
        var whole = process.apply(ids(rows, 4), rows, 4, null, MaskingSetting.TOKENS, draws(3, rows));
        for (int first = 1; first < rows; first++) {
            var rest = new CounterDraws(draws(3, rows).random(), 3, first, rows);
            var part = process.apply(ids(rows - first, 4), rows - first, 4, null, MaskingSetting.TOKENS, rest);
            assertArrayEquals(Arrays.copyOfRange(whole.sigma(), first, rows), part.sigma(), "from row " + first);
        }
    }

    @Test
    void badInputIsNamed() {
        var process = process(MaskingForm.FIXED);
        var e = assertThrows(
                IllegalArgumentException.class,
                () -> process.apply(new int[7], 2, 4, null, MaskingSetting.TOKENS, draws(0, 2)));
        assertEquals("ids has 7 elements, expected 2 x 4", e.getMessage());
        e = assertThrows(
                IllegalArgumentException.class,
                () -> process.apply(new int[8], 2, 4, new boolean[4], MaskingSetting.TOKENS, draws(0, 2)));
        assertEquals("srcMask has 4 elements, expected 2 x 4", e.getMessage());
        e = assertThrows(IllegalArgumentException.class, () -> MaskingSetting.of(1.5, 0, 0, List.of()));
        assertTrue(e.getMessage().contains("prefixProbability must be in [0, 1], got 1.5"));
        e = assertThrows(IllegalArgumentException.class, () -> MaskingSetting.of(0, 0, 1, List.of(0)));
        assertTrue(e.getMessage().contains("blockSizes must be positive"));
        for (int pad : new int[] {MASK, -1}) {
            e = assertThrows(
                    IllegalArgumentException.class,
                    () -> new ForwardProcess(MASK, pad, MaskingForm.LEGACY, NoiseLevels.INDEPENDENT));
            assertEquals(
                    "maskId and padId must be two tokens, neither of them negative, got " + MASK + " and " + pad,
                    e.getMessage());
        }
        var recorded = new RecordedDraws(List.of(new RecordedDraws.Integers(new int[2])));
        var state = assertThrows(
                IllegalStateException.class,
                () -> process.apply(new int[8], 2, 4, null, MaskingSetting.TOKENS, recorded));
        assertEquals(
                "recorded draw 0 (PREFIX_GATE): expected uniform numbers, the recording has integers",
                state.getMessage());
    }
}
