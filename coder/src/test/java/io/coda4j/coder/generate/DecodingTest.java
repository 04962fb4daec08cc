package io.coda4j.coder.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.Initialization;
import io.coda4j.diffusion.sampling.Caching;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.CommitRule;
import io.coda4j.diffusion.sampling.RunListener;
import io.coda4j.diffusion.sampling.Sampler;
import io.coda4j.diffusion.sampling.Sampling;
import io.coda4j.diffusion.sampling.StepHooks;
import io.coda4j.diffusion.sampling.TransferSchedule;
import io.coda4j.diffusion.sampling.Unmasked;
import io.coda4j.diffusion.sampling.Unmasking;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.TransformerConfig;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.cpu.CpuDevice;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Devices;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What may be saved without changing a token, and what the approximations leave alone. */
class DecodingTest {
    private static final int VOCABULARY = 40;
    private static final int MASK = 39;
    private static final int END = 38;
    private static final Device CPU = Devices.defaultDevice();

    private static CodaConfig config(AttentionMask attention, boolean shift) {
        var transformer = new TransformerConfig(VOCABULARY, 24, 3, 4, 2, 8, 40, 1e4, 1e-6, false, -1);
        return new CodaConfig(transformer, MASK, END, attention, shift, 512);
    }

    private static LanguageModel model(CodaConfig config, long seed, Device device) {
        return new Initialization(.3, false).initialize(config.transformer(), seed, device);
    }

    private static int[] prompt(int length, long seed) {
        return new Random(seed).ints(length, 0, END).toArray();
    }

    private static int[] masked(int promptLength, int masks, long seed) {
        return Canvas.of(prompt(promptLength, seed), masks, MASK).tokens();
    }

    private static UnmaskingSettings scheduled(int steps) {
        return UnmaskingSettings.of(MASK, new Sampler.Entropy(), steps).withSuppressed(Set.of(MASK));
    }

    private static UnmaskingSettings adaptive(CommitRule.Adaptive rule) {
        return UnmaskingSettings.adaptive(MASK, rule).withSuppressed(Set.of(MASK));
    }

    private record Run(Unmasked result, DenoiserWork work) {
        int[] tokens() {
            return result.canvas().tokens();
        }
    }

    private static Run run(
            CodaConfig config, LanguageModel model, Caching caching, UnmaskingSettings how, Canvas start) {
        try (var denoiser = new ModelDenoiser(config, model, CPU, caching)) {
            var result = new Unmasking(how.withHistory(true)).run(denoiser, start, new int[start.rows()]);
            return new Run(result, denoiser.work());
        }
    }

    private static void assertSameRun(Run expected, Run got, String about) {
        assertEquals(expected.result.history().size(), got.result.history().size(), about);
        for (int step = 0; step < expected.result.history().size(); step++) {
            assertArrayEquals(
                    expected.result.history().get(step), got.result.history().get(step), about + ", step " + step);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void cachesThatAreRenewedAtEveryStepAreExact(boolean shift) {
        var config = config(AttentionMask.FULL, shift);
        for (long seed = 0; seed < 2; seed++) {
            var model = model(config, seed, CPU);
            var start = Canvas.of(List.of(masked(9, 26, seed)));
            for (var how : List.of(
                    scheduled(26),
                    scheduled(10).withSampling(new Sampling(.8, .9, 0)).withSeed(seed),
                    scheduled(26).withBlockLength(8),
                    scheduled(26).withBlockLength(26),
                    adaptive(new CommitRule.Threshold(.2)).withBlockLength(26))) {
                var exact = run(config, model, new Caching.None(), how, start);
                for (var caching : List.of(new Caching.Dual(1), new Caching.Prefix(1), new Caching.Delayed(1))) {
                    var cached = run(config, model, caching, how, start);
                    assertSameRun(exact, cached, caching + ", seed " + seed);
                    assertEquals(exact.work.passes(), cached.work.wholePasses());
                    assertEquals(0, cached.work.windowPasses());
                }
            }
        }
    }

    @Test
    void approximateCachesFillEverythingWithFewerColumns() {
        var config = config(AttentionMask.FULL, true);
        var model = model(config, 1, CPU);
        var start = Canvas.of(List.of(masked(33, 64, 1)));
        var how = adaptive(new CommitRule.Threshold(2)).withBlockLength(16);
        var exact = run(config, model, new Caching.None(), how, start);
        assertEquals(64, exact.work.wholePasses());
        var prefix = run(config, model, new Caching.Prefix(0), how, start);
        var dual = run(config, model, new Caching.Dual(0), how, start);
        var delayed = run(config, model, new Caching.Delayed(0), how, start);
        for (var run : List.of(prefix, dual, delayed)) {
            assertEquals(0, run.result.masksLeft());
            assertEquals(64, run.work.passes());
            assertArrayEquals(prompt(33, 1), Arrays.copyOf(run.tokens(), 33));
            // The first token is chosen by a pass over everything.
            assertArrayEquals(
                    exact.result.history().getFirst(), run.result.history().getFirst());
        }
        assertEquals(4, prefix.work.wholePasses(), "one for each block");
        assertEquals(4, dual.work.wholePasses(), "one for each block");
        assertEquals(1, delayed.work.wholePasses());
        // 60 windows of 16 columns and the one before them.
        assertEquals(4 * 128 + 60 * 17, dual.work.columns());
        assertTrue(prefix.work.columns() < exact.work.columns());
        assertTrue(dual.work.columns() < prefix.work.columns());
        assertTrue(delayed.work.columns() < dual.work.columns());
        assertEquals(
                16, run(config, model, new Caching.Delayed(4), how, start).work.wholePasses());
    }

    @Test
    void runsDoNotRememberEachOther() {
        var config = config(AttentionMask.FULL, true);
        var model = model(config, 2, CPU);
        var how = adaptive(new CommitRule.Threshold(2)).withBlockLength(12);
        for (var caching : List.of(new Caching.Prefix(0), new Caching.Dual(0), new Caching.Delayed(0))) {
            try (var denoiser = new ModelDenoiser(config, model, CPU, caching)) {
                var start = Canvas.of(List.of(masked(8, 24, 3)));
                var first = new Unmasking(how).run(denoiser, start).canvas().tokens();
                new Unmasking(how).run(denoiser, Canvas.of(List.of(masked(6, 20, 4))));
                assertArrayEquals(
                        first, new Unmasking(how).run(denoiser, start).canvas().tokens());
            }
        }
    }

    @Test
    void aBatchOfDifferentLengthsIsEightSingleRuns() {
        var config = config(AttentionMask.FULL, true);
        var model = model(config, 3, CPU);
        var rows = IntStream.range(0, 8)
                .mapToObj(i -> masked(3 + 7 * i, 9 + (i * 5) % 8, i))
                .toList();
        var plain = scheduled(20).withSampling(new Sampling(.7, 1, 0)).withSeed(9);
        for (var how : List.of(
                plain,
                plain.withBlockLength(6).endingAt(Set.of(END), 0),
                adaptive(new CommitRule.EntropyBound(2)).withBlockLength(6),
                adaptive(new CommitRule.Factor(3)))) {
            for (var caching : List.of(new Caching.None(), new Caching.Dual(0), new Caching.Prefix(3))) {
                var together = run(config, model, caching, how, Canvas.of(rows));
                for (int i = 0; i < 8; i++) {
                    var alone = run(config, model, caching, how, Canvas.of(List.of(rows.get(i))));
                    assertArrayEquals(alone.tokens(), together.result.canvas().row(i), caching + ", row " + i);
                }
            }
        }
    }

    @Test
    void threadsDoNotMatter() {
        var config = config(AttentionMask.FULL, true);
        var start = Canvas.of(List.of(masked(20, 40, 5), masked(11, 18, 6)));
        var results = new ArrayList<int[]>();
        for (int threads : new int[] {1, 2, 5}) {
            try (var device = CpuDevice.withThreads(threads);
                    var denoiser = new ModelDenoiser(config, model(config, 4, device), device, new Caching.Dual(0))) {
                var how = adaptive(new CommitRule.Threshold(.3)).withBlockLength(10);
                results.add(new Unmasking(how).run(denoiser, start).canvas().tokens());
            }
        }
        assertArrayEquals(results.get(0), results.get(1));
        assertArrayEquals(results.get(0), results.get(2));
    }

    @Test
    void anAutoregressiveModelWritesTheSameWithItsCache() {
        var config = config(AttentionMask.CAUSAL, true);
        for (long seed = 0; seed < 4; seed++) {
            var model = model(config, seed, CPU);
            for (double temperature : new double[] {0, .9}) {
                var how = scheduled(24)
                        .withBlockLength(1)
                        .withSampling(new Sampling(temperature, 1, 0))
                        .withSeed(seed);
                var start = Canvas.of(List.of(masked(13, 24, seed)));
                var plain = run(config, model, new Caching.None(), how, start);
                var cached = run(config, model, new Caching.Causal(), how, start);
                assertSameRun(plain, cached, "seed " + seed);
                assertEquals(24, cached.work.passes());
                // The prompt at once, then every token but the last by itself.
                assertEquals(13 + 23, cached.work.columns());
            }
        }
    }

    /** The token after a text, by the plainest means: the whole text through the model, the greatest logit of its end. */
    @Test
    void autoregressiveTokensAreThoseOfTheWholeModel() {
        var config = config(AttentionMask.CAUSAL, true);
        var model = model(config, 7, CPU);
        var how = scheduled(10).withBlockLength(1);
        var got = run(config, model, new Caching.Causal(), how, Canvas.of(List.of(masked(5, 10, 8))))
                .tokens();
        for (int at = 5; at < 15; at++) {
            var ids = Array.of(Shape.of(1, at), Arrays.copyOf(got, at));
            var logits = ((Array) model.apply(ids, AttentionMask.CAUSAL)).toFloats();
            int best = 0;
            for (int v = 1; v < MASK; v++) {
                best = logits[(at - 1) * VOCABULARY + v] > logits[(at - 1) * VOCABULARY + best] ? v : best;
            }
            assertEquals(best, got[at], "token " + at);
        }
    }

    /** The cache of a conversation is used for its next turn, and only as far as the texts agree. */
    @Test
    void theAutoregressiveCacheOutlivesARunAsFarAsTheTextIsTheSame() {
        var config = config(AttentionMask.CAUSAL, true);
        var model = model(config, 8, CPU);
        var how = scheduled(12).withBlockLength(1);
        try (var denoiser = new ModelDenoiser(config, model, CPU, new Caching.Causal())) {
            var first = new Unmasking(how).run(denoiser, Canvas.of(prompt(10, 1), 12, MASK));
            long before = denoiser.work().columns();
            // The same beginning, then something else than was written, then what was written again.
            var changed = Arrays.copyOf(first.canvas().tokens(), 20);
            changed[12] = (changed[12] + 1) % END;
            var start = Canvas.of(changed, 12, MASK);
            var second = new Unmasking(how).run(denoiser, start);
            assertArrayEquals(
                    run(config, model, new Caching.None(), how, start).tokens(),
                    second.canvas().tokens());
            assertEquals(8 + 11, denoiser.work().columns() - before);
        }
    }

    @Test
    void anUnchangedRowIsNotComputedAgain() {
        var config = config(AttentionMask.FULL, true);
        // Steps at which nothing is committed are asked for when hooks look at every step.
        var how = scheduled(30);
        try (var denoiser = new ModelDenoiser(config, model(config, 9, CPU), CPU)) {
            var start = Canvas.of(List.of(masked(6, 10, 2)));
            var asking = new Unmasking(how, new StepHooks() {}).run(denoiser, start);
            assertEquals(30, asking.forwards());
            long committing = Arrays.stream(new TransferSchedule.Linspace(1e-3).counts(10, 30))
                    .filter(count -> count > 0)
                    .count();
            assertEquals(committing, denoiser.work().passes());
            var skipping = new Unmasking(how, StepHooks.NONE, RunListener.NONE).run(denoiser, start);
            assertEquals(committing, skipping.forwards());
            assertArrayEquals(asking.canvas().tokens(), skipping.canvas().tokens());
        }
    }

    @Test
    void aMaskNeverReachesAnAutoregressiveModelAndTheCausalCacheNoOther() {
        var full = config(AttentionMask.FULL, true);
        var model = model(full, 1, CPU);
        assertThrows(IllegalArgumentException.class, () -> new ModelDenoiser(full, model, CPU, new Caching.Causal()));
        var causal = config(AttentionMask.CAUSAL, true);
        int placeholder = ModelDenoiser.placeholder(causal);
        var how = UnmaskingSettings.of(placeholder, new Sampler.Entropy(), 6).withBlockLength(1);
        try (var denoiser = new ModelDenoiser(causal, model(causal, 1, CPU), CPU)) {
            var tokens = new Unmasking(how)
                    .run(denoiser, Canvas.of(prompt(4, 1), 6, placeholder))
                    .canvas()
                    .tokens();
            assertFalse(Arrays.stream(tokens).anyMatch(token -> token == placeholder));
        }
    }
}
