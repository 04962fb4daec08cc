package io.coda4j.coder.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.Initialization;
import io.coda4j.diffusion.sampling.Caching;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.CommitRule;
import io.coda4j.diffusion.sampling.DenoiseRequest;
import io.coda4j.diffusion.sampling.RunListener;
import io.coda4j.diffusion.sampling.Sampler;
import io.coda4j.diffusion.sampling.Sampling;
import io.coda4j.diffusion.sampling.StepHooks;
import io.coda4j.diffusion.sampling.Unmasking;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import io.coda4j.nn.TransformerConfig;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.cpu.CpuDevice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** A row of a batch is decoded as it is alone: every logit of every step, bit for bit, on any number of threads. */
class BatchProperties {
    private static final int VOCABULARY = 40;
    private static final int MASK = 39;
    private static final int END = 38;

    private static CodaConfig config(AttentionMask attention) {
        var transformer = new TransformerConfig(VOCABULARY, 24, 2, 4, 2, 8, 40, 1e4, 1e-6, false, -1);
        return new CodaConfig(transformer, MASK, END, attention, true, 512);
    }

    private static int[] row(Random random) {
        var prompt = random.ints(1 + random.nextInt(40), 0, END).toArray();
        return Canvas.of(prompt, 1 + random.nextInt(24), MASK).tokens();
    }

    /** What a run shows of each row: a number for the logits of each step, and the tokens. */
    private static final class Seen implements RunListener {
        private final List<List<Integer>> logits = new ArrayList<>();
        private List<int[]> tokens = List.of();
        private DenoiserWork work = DenoiserWork.NONE;

        @Override
        public void begun(Canvas canvas) {
            IntStream.range(0, canvas.rows()).forEach(_ -> logits.add(new ArrayList<>()));
        }

        @Override
        public void evaluated(DenoiseRequest request, int first, int count, float[] values) {
            for (int n = 0; n < count; n++) {
                int row = request.positions()[first + n] / request.canvas().length();
                var one = Arrays.copyOfRange(values, n * VOCABULARY, (n + 1) * VOCABULARY);
                logits.get(row).add(Arrays.hashCode(one));
            }
        }
    }

    private static Seen run(
            AttentionMask attention, Caching caching, UnmaskingSettings how, List<int[]> rows, int threads) {
        var seen = new Seen();
        var config = config(attention);
        try (var device = CpuDevice.withThreads(threads);
                var denoiser = new ModelDenoiser(
                        config,
                        new Initialization(.3, false).initialize(config.transformer(), 5, device),
                        device,
                        caching)) {
            var result = new Unmasking(how, StepHooks.NONE, seen).run(denoiser, Canvas.of(rows), new int[rows.size()]);
            seen.tokens = IntStream.range(0, rows.size())
                    .mapToObj(result.canvas()::row)
                    .toList();
            seen.work = denoiser.work();
        }
        return seen;
    }

    @Provide
    static Arbitrary<Caching> cachings() {
        return Arbitraries.of(
                new Caching.None(),
                new Caching.Prefix(0),
                new Caching.Prefix(3),
                new Caching.Dual(0),
                new Caching.Dual(2),
                new Caching.Delayed(0),
                new Caching.Delayed(5));
    }

    @Provide
    static Arbitrary<UnmaskingSettings> decoders() {
        var scheduled = UnmaskingSettings.of(MASK, new Sampler.Entropy(), 24).withSuppressed(Set.of(MASK));
        return Arbitraries.of(
                scheduled,
                scheduled.withSampling(new Sampling(.8, .9, 0)).withSeed(3),
                scheduled.endingAt(Set.of(END), 0),
                adaptive(new CommitRule.Threshold(.2)),
                adaptive(new CommitRule.Factor(2)),
                adaptive(new CommitRule.EntropyBound(1.5)).endingAt(Set.of(END), 0));
    }

    private static UnmaskingSettings adaptive(CommitRule.Adaptive rule) {
        return UnmaskingSettings.adaptive(MASK, rule).withSuppressed(Set.of(MASK));
    }

    @Property(tries = 60)
    void everyRowOfABatchIsWhatItIsAlone(
            @ForAll long seed,
            @ForAll @IntRange(min = 2, max = 8) int size,
            @ForAll("cachings") Caching caching,
            @ForAll("decoders") UnmaskingSettings decoder,
            @ForAll @IntRange(max = 9) int block,
            @ForAll @IntRange(min = 1, max = 3) int threads) {
        var random = new Random(seed);
        var rows = IntStream.range(0, size).mapToObj(_ -> row(random)).toList();
        // A block of one column has windows too narrow to be shared.
        var how = decoder.withBlockLength(block);
        var together = run(AttentionMask.FULL, caching, how, rows, threads);
        for (int i = 0; i < size; i++) {
            var alone = run(AttentionMask.FULL, caching, how, List.of(rows.get(i)), 1);
            assertEquals(alone.logits.getFirst(), together.logits.get(i), "logits of row " + i);
            assertArrayEquals(alone.tokens.getFirst(), together.tokens.get(i), "row " + i);
        }
    }

    @Property(tries = 10)
    void autoregressiveRowsAreWhatTheyAreAlone(@ForAll long seed, @ForAll @IntRange(min = 2, max = 5) int size) {
        var random = new Random(seed);
        var rows = IntStream.range(0, size).mapToObj(_ -> row(random)).toList();
        var how = UnmaskingSettings.of(MASK, new Sampler.MaskGitPlus(), 24).withBlockLength(1);
        var together = run(AttentionMask.CAUSAL, new Caching.Causal(), how, rows, 2);
        for (int i = 0; i < size; i++) {
            var alone = run(AttentionMask.CAUSAL, new Caching.Causal(), how, List.of(rows.get(i)), 1);
            assertEquals(alone.logits.getFirst(), together.logits.get(i), "logits of row " + i);
        }
    }

    /** Fifteen windows of 17 columns fit one pass. */
    @Test
    void windowsOfSeveralRowsShareAPassOfLimitedSize() {
        var how = adaptive(new CommitRule.Threshold(2)).withBlockLength(16);
        var rows = new ArrayList<int[]>();
        for (int size : new int[] {1, 8, 20}) {
            rows.clear();
            IntStream.range(0, size)
                    .forEach(i -> rows.add(
                            Canvas.of(new int[] {1 + i, 2, 3}, 16, MASK).tokens()));
            var work = run(AttentionMask.FULL, new Caching.Dual(0), how, rows, 2).work;
            assertEquals(size, work.wholePasses());
            // 15 of 16 steps are windows.
            assertEquals(15 * Math.ceilDiv(size * 17, 256), work.windowPasses(), size + " rows");
            assertEquals(size * (32 + 15 * 17), work.columns());
            assertTrue(work.windowSeconds() > 0);
        }
    }
}
