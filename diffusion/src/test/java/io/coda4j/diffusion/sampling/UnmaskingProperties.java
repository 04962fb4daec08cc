package io.coda4j.diffusion.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;

class UnmaskingProperties {
    private static final int V = 17;
    private static final int MASK = 16;

    private static Canvas canvas(int rows, int length, long seed) {
        var random = new Random(seed);
        var tokens = new int[rows * length];
        for (int i = 0; i < tokens.length; i++) {
            tokens[i] = random.nextInt(3) == 0 ? random.nextInt(MASK) : MASK;
        }
        return new Canvas(rows, length, tokens);
    }

    private static UnmaskingSettings settings(
            int sampler, int steps, double temperature, double order, int blockLength, long seed) {
        return UnmaskingSettings.of(MASK, Sampler.ALL.get(sampler), steps)
                .withSampling(new Sampling(temperature, 0.95, 0))
                .withOrderTemperature(order)
                .withBlockLength(blockLength)
                .withSuppressed(Set.of(MASK))
                .withSeed(seed)
                .withHistory(true);
    }

    @Property(tries = 150)
    void allMasksAreFilledAndGivenTokensNeverChange(
            @ForAll @IntRange(min = 0, max = 3) int sampler,
            @ForAll @IntRange(min = 8, max = 20) int steps,
            @ForAll @DoubleRange(min = 0, max = 2) double temperature,
            @ForAll @DoubleRange(min = 0, max = 1) double order,
            @ForAll @IntRange(min = 0, max = 6) int block,
            @ForAll long seed) {
        var start = canvas(2, block == 0 ? 15 : 7 * block, seed);
        var result = new Unmasking(settings(sampler, steps, temperature, order, block, seed))
                .run(new HashDenoiser(V, 4), start);
        assertEquals(0, result.masksLeft());
        assertTrue(result.forwards() <= steps);
        var before = start.tokens();
        for (var after : result.history()) {
            for (int i = 0; i < before.length; i++) {
                if (before[i] != MASK) {
                    assertEquals(before[i], after[i]);
                }
            }
            before = after;
        }
        for (int token : result.canvas().tokens()) {
            assertNotEquals(MASK, token);
        }
    }

    @Property(tries = 150)
    void aRowDecodesTheSameInAnyBatch(
            @ForAll @IntRange(min = 0, max = 3) int sampler,
            @ForAll @IntRange(min = 8, max = 20) int steps,
            @ForAll @DoubleRange(min = 0, max = 2) double temperature,
            @ForAll @DoubleRange(min = 0, max = 1) double order,
            @ForAll @IntRange(min = 0, max = 5) int block,
            @ForAll long seed) {
        var start = canvas(3, 14, seed);
        var settings = settings(sampler, steps, temperature, order, block == 0 ? 0 : block + 1, seed);
        var together = new Unmasking(settings).run(new HashDenoiser(V, 4), start, new int[] {5, 6, 7});
        for (int row = 0; row < 3; row++) {
            var alone = new Unmasking(settings)
                    .run(new HashDenoiser(V, 9), new Canvas(1, 14, start.row(row)), new int[] {5 + row});
            assertArrayEquals(together.canvas().row(row), alone.canvas().tokens());
        }
    }

    @Property(tries = 150)
    void rowsOfDifferentLengthsDecodeAsTheyDoAlone(
            @ForAll @IntRange(min = 0, max = 3) int rule,
            @ForAll @DoubleRange(min = 0, max = 2) double temperature,
            @ForAll @IntRange(min = 0, max = 5) int block,
            @ForAll long seed) {
        var settings = switch (rule) {
            case 0 -> UnmaskingSettings.of(MASK, new Sampler.Entropy(), 20);
            case 1 -> UnmaskingSettings.adaptive(MASK, new CommitRule.Threshold(.3));
            case 2 -> UnmaskingSettings.adaptive(MASK, new CommitRule.Factor(2));
            default -> UnmaskingSettings.adaptive(MASK, new CommitRule.EntropyBound(2));
        };
        var decoding = settings.withSampling(new Sampling(temperature, 1, 0))
                .withBlockLength(block)
                .withSuppressed(Set.of(MASK))
                .endingAt(Set.of(3), 4)
                .withSeed(seed);
        var rows = List.of(
                canvas(1, 14, seed).tokens(),
                canvas(1, 5, seed + 1).tokens(),
                canvas(1, 9, seed + 2).tokens());
        var together = new Unmasking(decoding).run(new HashDenoiser(V, 4), Canvas.of(rows), new int[] {5, 6, 7});
        assertEquals(0, together.masksLeft());
        for (int row = 0; row < 3; row++) {
            var alone = new Unmasking(decoding)
                    .run(new HashDenoiser(V, 9), Canvas.of(List.of(rows.get(row))), new int[] {5 + row});
            assertArrayEquals(alone.canvas().tokens(), together.canvas().row(row));
        }
    }

    @Property(tries = 200)
    void countsOfEverySchedulePartitionTheMasks(
            @ForAll @IntRange(min = 0, max = 2000) int masks,
            @ForAll @IntRange(min = 1, max = 300) int steps,
            @ForAll @DoubleRange(min = 0.01, max = 0.5) double eps) {
        for (var schedule : new TransferSchedule[] {new TransferSchedule.Linspace(eps), new TransferSchedule.Even()}) {
            int sum = 0;
            for (int n : schedule.counts(masks, steps)) {
                assertTrue(n >= 0);
                sum += n;
            }
            assertEquals(masks, sum);
        }
    }
}
