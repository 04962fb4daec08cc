package io.coda4j.diffusion.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class UnmaskingTest {
    private static final int V = 30;
    private static final int MASK = 29;
    private static final int[] PROMPT = {1, 2, 3, 4};

    private static UnmaskingSettings settings(String sampler, int steps) {
        return UnmaskingSettings.of(MASK, Sampler.of(sampler), steps)
                .withSuppressed(Set.of(MASK))
                .withHistory(true);
    }

    private static int[] committedPerStep(Unmasked result, Canvas start) {
        var counts = new int[result.history().size()];
        int before = masks(start.tokens());
        for (int step = 0; step < counts.length; step++) {
            int after = masks(result.history().get(step));
            counts[step] = before - after;
            before = after;
        }
        return counts;
    }

    private static int masks(int[] tokens) {
        return (int) Arrays.stream(tokens).filter(token -> token == MASK).count();
    }

    @ParameterizedTest
    @CsvSource({"maskgit_plus,16,16", "topk_margin,16,5", "entropy,5,12", "entropy,1,1"})
    void commitsAsManyTokensPerStepAsTheScheduleSays(String sampler, int masks, int steps) {
        var start = Canvas.of(PROMPT, masks, MASK);
        var denoiser = new HashDenoiser(V, 3);
        var result = new Unmasking(settings(sampler, steps)).run(denoiser, start);
        var expected = new TransferSchedule.Linspace(1e-3).counts(masks, steps);
        assertArrayEquals(expected, committedPerStep(result, start));
        assertEquals(Arrays.stream(expected).filter(n -> n > 0).count(), result.forwards());
        assertEquals(denoiser.requests().size(), result.forwards());
        assertEquals(0, result.masksLeft());
    }

    @Test
    void skippedStepsChangeNothing() {
        var start = Canvas.of(PROMPT, 6, MASK);
        var seen = new ArrayList<Integer>();
        var hooks = new StepHooks() {
            @Override
            public void tokens(int step, Canvas canvas) {
                seen.add(step);
            }
        };
        for (var settings : List.of(
                settings("entropy", 15),
                settings("maskgit_plus", 15)
                        .withSampling(new Sampling(0.8, 0.9, 10))
                        .withOrderTemperature(0.3),
                settings("origin", 15).withSampling(new Sampling(0.8, 1, 0)))) {
            seen.clear();
            var skipping = new Unmasking(settings).run(new HashDenoiser(V, 4), start);
            var asking = new Unmasking(settings, hooks).run(new HashDenoiser(V, 4), start);
            assertArrayEquals(asking.canvas().tokens(), skipping.canvas().tokens());
            assertTrue(skipping.forwards() < asking.forwards(), skipping.forwards() + " of " + asking.forwards());
            assertEquals(15, seen.size());
        }
    }

    @Test
    void fillsHolesAnywhereAndNothingElse() {
        int[] tokens = {MASK, 1, MASK, MASK, 2, 3, MASK, 4};
        for (var sampler : Sampler.ALL) {
            var result =
                    new Unmasking(settings(sampler.label(), 3)).run(new HashDenoiser(V, 2), new Canvas(1, 8, tokens));
            for (int i = 0; i < 8; i++) {
                assertEquals(tokens[i] == MASK, result.canvas().tokens()[i] != tokens[i], sampler + " at " + i);
            }
        }
        assertEquals(MASK, tokens[0], "the start canvas is not changed");
    }

    @Test
    void equalConfidencesAreCommittedFromTheLeft() {
        var flat = Denoiser.of(V, (_, positions, out) -> Arrays.fill(out, 0, positions.length * V, 0.5f));
        for (var sampler : List.of("maskgit_plus", "topk_margin", "entropy")) {
            var result = new Unmasking(settings(sampler, 4)).run(flat, Canvas.of(PROMPT, 8, MASK));
            var expected = new int[12];
            System.arraycopy(PROMPT, 0, expected, 0, 4);
            Arrays.fill(expected, 5, 12, MASK);
            // 8 * (1-eps)/4 = 1.998: the first step commits one token, the lowest of equal ones.
            assertArrayEquals(expected, result.history().getFirst());
        }
    }

    @Test
    void unequalRowsGetTheirOwnCounts() {
        int[] tokens = {1, MASK, MASK, MASK, MASK, MASK, MASK, MASK, MASK, 1, 2, 3, 4, 5, 6, 7, MASK, MASK};
        var start = new Canvas(2, 9, tokens);
        var result = new Unmasking(settings("maskgit_plus", 4)).run(new HashDenoiser(V, 5), start);
        var first = new TransferSchedule.Linspace(1e-3).counts(8, 4);
        var second = new TransferSchedule.Linspace(1e-3).counts(2, 4);
        for (int step = 0, a = 8, b = 2; step < 4; step++) {
            a -= first[step];
            b -= second[step];
            assertEquals(a, masks(Arrays.copyOfRange(result.history().get(step), 0, 9)));
            assertEquals(b, masks(Arrays.copyOfRange(result.history().get(step), 9, 18)));
        }
    }

    @Test
    void onlyRowsThatCommitAreEvaluated() {
        int[] tokens = {1, MASK, MASK, MASK, MASK, MASK, MASK, MASK, MASK, 1, 2, 3, 4, 5, 6, 7, MASK, MASK};
        var denoiser = new HashDenoiser(V, 64);
        var result = new Unmasking(settings("entropy", 8)).run(denoiser, new Canvas(2, 9, tokens));
        long asked = denoiser.requests().stream()
                .mapToLong(request -> request.positions().length)
                .sum();
        assertEquals(asked, result.evaluatedPositions());
        for (var request : denoiser.requests()) {
            assertTrue(request.positions().length > 0);
            for (int position : request.positions()) {
                assertEquals(MASK, request.canvas().tokens()[position]);
            }
        }
    }

    @Test
    void aProducedMaskStaysMaskedUnlessSuppressed() {
        var maskLover = Denoiser.of(V, (_, positions, out) -> {
            Arrays.fill(out, 0, positions.length * V, 0f);
            for (int n = 0; n < positions.length; n++) {
                out[n * V + MASK] = 9;
                out[n * V + 7] = 1;
            }
        });
        var start = Canvas.of(PROMPT, 5, MASK);
        var parity = new Unmasking(settings("entropy", 3).withSuppressed(Set.of())).run(maskLover, start);
        assertEquals(5, parity.masksLeft());
        assertArrayEquals(start.tokens(), parity.canvas().tokens());
        var suppressed = new Unmasking(settings("entropy", 3)).run(maskLover, start);
        assertArrayEquals(
                new int[] {1, 2, 3, 4, 7, 7, 7, 7, 7}, suppressed.canvas().tokens());
    }

    @Test
    void blocksAreFinishedFromLeftToRight() {
        var start = Canvas.of(PROMPT, 12, MASK);
        var denoiser = new HashDenoiser(V, 7);
        var result = new Unmasking(settings("entropy", 6).withBlockLength(4)).run(denoiser, start);
        for (int step = 0; step < 6; step++) {
            int block = step / 2;
            var tokens = result.history().get(step);
            assertEquals(0, masks(Arrays.copyOfRange(tokens, 0, 4 + 4 * block)));
            assertEquals(step % 2 == 1 ? 0 : 3, masks(Arrays.copyOfRange(tokens, 4 + 4 * block, 8 + 4 * block)));
            assertEquals(8 - 4 * block, masks(Arrays.copyOfRange(tokens, 8 + 4 * block, 16)));
            var window = denoiser.requests().get(step).windows().getFirst();
            assertEquals(new Window(4 + 4 * block, 8 + 4 * block, step % 2, 2), window);
        }
    }

    @Test
    void stepsThatDoNotDivideGoToTheFirstBlocksAndTheLastBlockMayBeShort() {
        var start = Canvas.of(PROMPT, 10, MASK);
        var denoiser = new HashDenoiser(V, 7);
        var result = new Unmasking(settings("maskgit_plus", 8).withBlockLength(4)).run(denoiser, start);
        assertEquals(0, result.masksLeft());
        assertEquals(0, masks(Arrays.copyOfRange(result.history().get(2), 4, 8)));
        assertEquals(0, masks(Arrays.copyOfRange(result.history().get(5), 8, 12)));
        assertEquals(2, masks(result.history().get(5)));
        var e = assertThrows(
                IllegalArgumentException.class,
                () -> new Unmasking(settings("maskgit_plus", 2).withBlockLength(4)).run(denoiser, start));
        assertTrue(
                e.getMessage().contains("row 0 has 3 blocks of 4 columns, but there are only 2 steps"), e.getMessage());
    }

    @Test
    void blocksWithoutMasksTakeNoSteps() {
        // Two holes, of three and two columns, with given tokens between and behind them.
        int[] tokens = {1, MASK, MASK, MASK, 2, 3, 4, 5, 6, 7, MASK, MASK, 8, 9, 10, 11, 12, 13, 14};
        var settings = settings("entropy", 6).withBlockLength(4);
        var result = new Unmasking(settings).run(new HashDenoiser(V, 7), new Canvas(1, tokens.length, tokens));
        assertEquals(2, settings.blocks(new Canvas(1, tokens.length, tokens), 0));
        assertEquals(0, result.masksLeft());
        assertEquals(0, masks(Arrays.copyOf(result.history().get(2), 4)));
        assertEquals(2, masks(result.history().get(2)));
        int[] full = {1, 2, 3};
        var nothing = new Unmasking(settings).run(new HashDenoiser(V, 7), new Canvas(1, 3, full));
        assertArrayEquals(full, nothing.canvas().tokens());
        assertEquals(0, nothing.forwards());
    }

    @Test
    void lowConfidenceBlocksCommitEvenCountsRemainderFirst() {
        var start = Canvas.of(PROMPT, 10, MASK);
        var settings = UnmaskingSettings.lowConfidenceBlocks(MASK, 6, 5)
                .withSuppressed(Set.of(MASK))
                .withHistory(true);
        var result = new Unmasking(settings).run(new HashDenoiser(V, 7), start);
        assertArrayEquals(new int[] {2, 2, 1, 2, 2, 1}, committedPerStep(result, start));
        assertArrayEquals(new int[] {3, 2, 2}, new TransferSchedule.Even().counts(7, 3));
        assertArrayEquals(new int[] {1, 1, 0, 0}, new TransferSchedule.Even().counts(2, 4));
    }

    @Test
    void rawConfidenceIgnoresTheFilter() {
        // Position 1 is surer before filtering, both are certain after it: filtered ties go left, raw prefers position
        // 1.
        var denoiser = Denoiser.of(V, (_, positions, out) -> {
            Arrays.fill(out, 0, positions.length * V, 0f);
            for (int n = 0; n < positions.length; n++) {
                out[n * V + positions[n]] = 5 + positions[n] % 2;
            }
        });
        var start = new Canvas(1, 2, new int[] {MASK, MASK});
        var settings =
                settings("entropy", 2).withSampling(new Sampling(0, 1, 1)).withTransfers(new TransferSchedule.Even());
        var filtered = new Unmasking(settings).run(denoiser, start).history().getFirst();
        var raw = new Unmasking(settings.withConfidenceSource(ConfidenceSource.RAW))
                .run(denoiser, start)
                .history()
                .getFirst();
        assertArrayEquals(new int[] {0, MASK}, filtered);
        assertArrayEquals(new int[] {MASK, 1}, raw);
    }

    @Test
    void originCommitsOnAverageTheScheduledPart() {
        int masks = 4000;
        var flat = Denoiser.of(V, (_, positions, out) -> Arrays.fill(out, 0, positions.length * V, 0.5f));
        var start = Canvas.of(PROMPT, masks, MASK);
        var result = new Unmasking(settings("origin", 4)).run(flat, start);
        var counts = committedPerStep(result, start);
        assertEquals(masks, Arrays.stream(counts).sum());
        for (int n : counts) {
            assertEquals(1000, n, 150);
        }
        assertEquals(masks, result.evaluatedPositions());
    }

    @Test
    void orderTemperatureDrawsPositionsWithoutReplacementByTheirWeights() {
        // Two positions with confidences whose softmax at temperature 0.5 is 1 : e^(2*0.4).
        var denoiser = Denoiser.of(V, (_, positions, out) -> {
            Arrays.fill(out, 0, positions.length * V, -40f);
            for (int n = 0; n < positions.length; n++) {
                double p = positions[n] == 0 ? .5 : .9;
                out[n * V] = (float) Math.log(p);
                out[n * V + 1] = (float) Math.log(1 - p) - 1e-4f;
            }
        });
        var start = new Canvas(1, 2, new int[] {MASK, MASK});
        int firstIsLeft = 0;
        int runs = 4000;
        for (int seed = 0; seed < runs; seed++) {
            var settings = settings("maskgit_plus", 2)
                    .withTransfers(new TransferSchedule.Even())
                    .withOrderTemperature(.5)
                    .withSeed(seed);
            var result = new Unmasking(settings).run(denoiser, start);
            assertArrayEquals(new int[] {1, 1}, committedPerStep(result, start));
            firstIsLeft += result.history().getFirst()[0] == MASK ? 0 : 1;
        }
        double expected = 1 / (1 + Math.exp(.8));
        assertEquals(expected, (double) firstIsLeft / runs, 5 * Math.sqrt(expected * (1 - expected) / runs));
    }

    @Test
    void hooksSeeEveryStepAndMayChangeTokensAndLogits() {
        var log = new ArrayList<String>();
        var hooks = new StepHooks() {
            @Override
            public void beforeFirstStep(Canvas canvas) {
                log.add("before");
                canvas.tokens()[0] = 9;
            }

            @Override
            public void logits(DenoiseRequest request, int first, int count, float[] logits) {
                for (int n = 0; n < count; n++) {
                    logits[n * V + 11] = 100;
                }
                log.add("logits " + request.step() + " " + first + "+" + count);
            }

            @Override
            public void tokens(int step, Canvas canvas) {
                log.add("tokens " + step);
                if (step == 1) {
                    canvas.tokens()[1] = MASK;
                }
            }
        };
        var result = new Unmasking(settings("maskgit_plus", 3), hooks)
                .run(new HashDenoiser(V, 2), Canvas.of(PROMPT, 3, MASK));
        assertArrayEquals(new int[] {9, 11, 3, 4, 11, 11, 11}, result.canvas().tokens());
        assertEquals("before", log.getFirst());
        assertEquals(List.of("logits 0 0+2", "logits 0 2+1", "tokens 0"), log.subList(1, 4));
        assertEquals(3, log.stream().filter(line -> line.startsWith("tokens")).count());
    }

    @ParameterizedTest
    @ValueSource(strings = {"origin", "entropy"})
    void aCanvasWithoutMasksNeedsNoModel(String sampler) {
        var result = new Unmasking(settings(sampler, 4)).run(new HashDenoiser(V, 2), new Canvas(1, 4, PROMPT));
        assertEquals(0, result.forwards());
        assertArrayEquals(PROMPT, result.canvas().tokens());
        assertEquals(4, result.history().size());
    }

    /** Temperatures that float32 rounds to 0, whose reciprocal it cannot hold, or that take logits out of its range. */
    @ParameterizedTest
    @ValueSource(doubles = {Double.MIN_VALUE, 1e-50, 1e-45, 1e-40, 1e-38, 1e-31, 1e-30, 1e-10})
    void temperaturesAsGoodAsZeroTakeTheMostLikelyToken(double temperature) {
        var start = Canvas.of(PROMPT, 12, MASK);
        // All in one step, so that the order, which confidences of drawn tokens decide, does not matter.
        var greedy = new Unmasking(settings("entropy", 1)).run(new HashDenoiser(V, 4), start);
        var cold = settings("entropy", 1).withSampling(new Sampling(temperature, 1, 0));
        for (int seed = 0; seed < 4; seed++) {
            var result = new Unmasking(cold.withSeed(seed)).run(new HashDenoiser(V, 4), start);
            assertArrayEquals(greedy.canvas().tokens(), result.canvas().tokens());
        }
    }

    @Test
    void severalThreadsGiveTheResultOfOne() {
        int vocabulary = 20_000;
        var start = Canvas.of(PROMPT, 40, vocabulary - 1);
        var settings = UnmaskingSettings.of(vocabulary - 1, new Sampler.Entropy(), 4)
                .withSampling(new Sampling(0.7, 0.9, 0))
                .withSuppressed(Set.of(vocabulary - 1));
        var together = new Unmasking(settings).run(new HashDenoiser(vocabulary, 40), start);
        var oneByOne = new Unmasking(settings).run(new HashDenoiser(vocabulary, 1), start);
        assertArrayEquals(oneByOne.canvas().tokens(), together.canvas().tokens());
    }

    @Test
    void brokenDenoisersAndSettingsAreNamed() {
        var nan = Denoiser.of(V, (_, positions, out) -> Arrays.fill(out, 0, positions.length * V, Float.NaN));
        var e = assertThrows(
                IllegalArgumentException.class,
                () -> new Unmasking(settings("entropy", 1)).run(nan, Canvas.of(PROMPT, 2, MASK)));
        assertTrue(e.getMessage().startsWith("step 0, row 0, column 4: logits hold NaN"), e.getMessage());
        var silent = new Denoiser() {
            @Override
            public int vocabularySize() {
                return V;
            }

            @Override
            public void denoise(DenoiseRequest request, LogitsSink sink) {
                sink.accept(0, 1, new float[V]);
            }
        };
        var state = assertThrows(
                IllegalStateException.class,
                () -> new Unmasking(settings("entropy", 1)).run(silent, Canvas.of(PROMPT, 2, MASK)));
        assertEquals("the denoiser delivered logits of 1 positions, expected 2", state.getMessage());
        assertFalse(assertThrows(IllegalArgumentException.class, () -> Sampler.of("original"))
                .getMessage()
                .isEmpty());
        assertThrows(IllegalArgumentException.class, () -> settings("entropy", 0));
        assertThrows(
                IllegalArgumentException.class, () -> settings("origin", 1).withTransfers(new TransferSchedule.Even()));
        assertThrows(IllegalArgumentException.class, () -> new Canvas(2, 3, new int[5]));
    }
}
