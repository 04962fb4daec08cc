package io.coda4j.diffusion.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Rules that commit as many tokens as the model is sure of, and texts that end before their last mask. */
class CommitRuleTest {
    private static final int V = 30;
    private static final int MASK = 29;
    private static final int END = 7;
    private static final int PAD = 8;
    private static final int[] PROMPT = {1, 2, END, 4};

    private static UnmaskingSettings settings(CommitRule.Adaptive rule, int blockLength) {
        return UnmaskingSettings.adaptive(MASK, rule)
                .withSuppressed(Set.of(MASK))
                .withBlockLength(blockLength)
                .withHistory(true);
    }

    private static long masks(int[] tokens) {
        return Arrays.stream(tokens).filter(token -> token == MASK).count();
    }

    @Test
    void aThresholdAboveOneCommitsOneTokenPerStep() {
        for (int block : new int[] {0, 1, 4, 12}) {
            var result = new Unmasking(settings(new CommitRule.Threshold(1.01), block))
                    .run(new HashDenoiser(V, 5), Canvas.of(PROMPT, 12, MASK));
            assertEquals(12, result.forwards());
            for (int step = 0; step < 12; step++) {
                assertEquals(11 - step, masks(result.history().get(step)), "block " + block + ", step " + step);
            }
        }
    }

    @Test
    void aThresholdOfZeroCommitsEachBlockAtOnce() {
        var result = new Unmasking(settings(new CommitRule.Threshold(0), 4))
                .run(new HashDenoiser(V, 5), Canvas.of(PROMPT, 10, MASK));
        assertEquals(3, result.forwards());
        assertEquals(0, result.masksLeft());
        assertEquals(
                List.of(6L, 2L, 0L),
                result.history().stream().map(CommitRuleTest::masks).toList());
    }

    @Test
    void thresholdsCommitExactlyTheSurePositions() {
        var rule = new CommitRule.Threshold(.9);
        assertEquals(1, rule.commits(new float[] {.2f, .1f}));
        assertEquals(1, rule.commits(new float[] {.95f, .1f}));
        assertEquals(2, rule.commits(new float[] {.95f, .91f, .89f}));
    }

    /** The rule as the specification writes it, with its loop and its quirk. */
    private static int factorByTheBook(float[] c, double f) {
        int m = c.length;
        int i = 0;
        for (int n = 0; n < m; n++) {
            i = n;
            double threshold = n == 0 ? -1 : 1 - f / (n + 2);
            if (c[n] < threshold) {
                break;
            }
        }
        return i == 0 || i == m - 1 ? i + 1 : i;
    }

    @Test
    void factorsCommitWhatTheSpecificationSays() {
        var random = new Random(3);
        int several = 0;
        for (int i = 0; i < 5000; i++) {
            var c = new float[random.nextInt(1, 9)];
            for (int n = 0; n < c.length; n++) {
                c[n] = (float) (1 - Math.pow(random.nextDouble(), 3));
            }
            Arrays.sort(c);
            for (int a = 0, b = c.length - 1; a < b; a++, b--) {
                float held = c[a];
                c[a] = c[b];
                c[b] = held;
            }
            double factor = random.nextDouble(.2, 3);
            int expected = factorByTheBook(c, factor);
            assertEquals(expected, new CommitRule.Factor(factor).commits(c), () -> Arrays.toString(c) + factor);
            several += expected > 1 && expected < c.length ? 1 : 0;
        }
        assertTrue(several > 1000, several + " cases between the extremes");
    }

    @Test
    void entropyBoundsLimitTheSumWithoutTheGreatest() {
        var rule = new CommitRule.EntropyBound(.5);
        assertEquals(1, rule.commits(new float[] {-9}));
        assertEquals(1, rule.commits(new float[] {-.6f, -.7f}));
        // 0.2 + 0.25 is within the bound, 0.2 + 0.25 + 0.4 is not.
        assertEquals(3, rule.commits(new float[] {-.2f, -.25f, -.4f, -.5f}));
        assertEquals(3, new CommitRule.EntropyBound(0).commits(new float[] {0, 0, -2, -2}));
    }

    @Test
    void rowsNeedAsManyStepsAsTheyNeed() {
        var canvas = Canvas.of(List.of(
                Canvas.of(PROMPT, 3, MASK).tokens(), Canvas.of(PROMPT, 9, MASK).tokens()));
        var denoiser = new HashDenoiser(V, 5);
        var result = new Unmasking(settings(new CommitRule.Threshold(2), 2)).run(denoiser, canvas);
        assertEquals(9, result.forwards());
        assertEquals(0, result.masksLeft());
        assertEquals(12, result.evaluatedPositions() - extra(denoiser));
    }

    /** Positions that were evaluated and not committed: one more than needed in each step with two masks in the block. */
    private static long extra(HashDenoiser denoiser) {
        return denoiser.requests().stream()
                .mapToLong(request -> request.positions().length
                        - Arrays.stream(request.positions())
                                .map(position -> position / request.canvas().length())
                                .distinct()
                                .count())
                .sum();
    }

    @Test
    void aModelThatRefusesToFillABlockDoesNotHoldUpTheRun() {
        var maskLover = Denoiser.of(V, (_, positions, out) -> {
            Arrays.fill(out, 0, positions.length * V, 0f);
            for (int n = 0; n < positions.length; n++) {
                out[n * V + MASK] = 9;
            }
        });
        var settings =
                UnmaskingSettings.adaptive(MASK, new CommitRule.Threshold(2)).withBlockLength(2);
        var result = new Unmasking(settings).run(maskLover, Canvas.of(PROMPT, 6, MASK));
        assertEquals(6, result.masksLeft());
        assertEquals(6, result.forwards());
    }

    /** Puts the end token at column 7 and pays no attention to anything else. */
    private static Denoiser endingAtSeven() {
        return Denoiser.of(V, (_, positions, out) -> {
            for (int n = 0; n < positions.length; n++) {
                Arrays.fill(out, n * V, (n + 1) * V, 0f);
                out[n * V + (positions[n] == 7 ? END : 11)] = 20 - positions[n];
            }
        });
    }

    @Test
    void textsEndWhereEverythingUpToTheEndTokenIsDecided() {
        var start = Canvas.of(PROMPT, 12, MASK);
        var whole = new Unmasking(settings(new CommitRule.Threshold(2), 0)).run(endingAtSeven(), start);
        var early = new Unmasking(settings(new CommitRule.Threshold(2), 0).endingAt(Set.of(END), PAD))
                .run(endingAtSeven(), start);
        assertEquals(12, whole.forwards());
        // The end token of the prompt, at column 2, ends nothing.
        assertEquals(4, early.forwards());
        assertArrayEquals(
                Arrays.copyOf(whole.canvas().tokens(), 8),
                Arrays.copyOf(early.canvas().tokens(), 8));
        for (int i = 8; i < 16; i++) {
            assertEquals(PAD, early.canvas().tokens()[i]);
        }
        // A schedule ends early too.
        var scheduled =
                UnmaskingSettings.of(MASK, new Sampler.MaskGitPlus(), 12).endingAt(Set.of(END), PAD);
        assertTrue(new Unmasking(scheduled).run(endingAtSeven(), start).forwards() < 12);
    }

    @Test
    void aTextDoesNotEndBeforeItsGapsAreFilled() {
        var lastFirst = Denoiser.of(V, (_, positions, out) -> {
            for (int n = 0; n < positions.length; n++) {
                Arrays.fill(out, n * V, (n + 1) * V, 0f);
                out[n * V + (positions[n] == 7 ? END : 11)] = positions[n];
            }
        });
        var settings = settings(new CommitRule.Threshold(2), 0).endingAt(Set.of(END), PAD);
        var result = new Unmasking(settings).run(lastFirst, Canvas.of(PROMPT, 12, MASK));
        assertEquals(12, result.forwards(), "the end token is committed before the columns in front of it");
        assertArrayEquals(
                new int[] {11, 11, 11, END, 11},
                Arrays.copyOfRange(result.canvas().tokens(), 4, 9));
    }

    @Test
    void rulesAndSettingsThatDoNotFitAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new CommitRule.Threshold(-.1));
        assertThrows(IllegalArgumentException.class, () -> new CommitRule.Threshold(Double.NaN));
        assertThrows(IllegalArgumentException.class, () -> new CommitRule.Factor(0));
        assertThrows(IllegalArgumentException.class, () -> new CommitRule.EntropyBound(-1));
        var settings = UnmaskingSettings.adaptive(MASK, new CommitRule.EntropyBound(1));
        assertThrows(IllegalArgumentException.class, () -> settings.withOrderTemperature(.5));
        assertThrows(IllegalArgumentException.class, () -> settings.endingAt(Set.of(MASK), PAD));
        assertThrows(IllegalArgumentException.class, () -> settings.endingAt(Set.of(END), -1));
        assertThrows(
                IllegalArgumentException.class, () -> UnmaskingSettings.adaptive(-1, new CommitRule.EntropyBound(1)));
        assertThrows(IllegalArgumentException.class, () -> new Canvas(2, 3, new int[6], new int[] {3, 4}));
    }
}
