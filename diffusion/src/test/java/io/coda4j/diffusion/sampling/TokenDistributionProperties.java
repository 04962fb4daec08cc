package io.coda4j.diffusion.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Comparator;
import java.util.Random;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;

/** Partial selection against the definition: sort everything, accumulate, cut. */
class TokenDistributionProperties {

    @Property(tries = 400)
    void keepsExactlyWhatAFullSortKeeps(
            @ForAll @IntRange(min = 1, max = 700) int vocabulary,
            @ForAll @DoubleRange(min = 0.01, max = 1) double topP,
            @ForAll @IntRange(min = 0, max = 50) int topK,
            @ForAll @IntRange(min = 0, max = 3) int spread,
            @ForAll long seed) {
        var logits = logits(vocabulary, spread, seed);
        var distribution = new TokenDistribution(vocabulary);
        distribution.set(logits, 0, new Sampling(0, topP, topK));
        var expected = naive(logits, (float) topP, topK);
        var out = new float[vocabulary];
        distribution.probabilities(out);
        double total = 0;
        for (int v = 0; v < vocabulary; v++) {
            assertEquals(expected[v], out[v], 2e-6, "token " + v);
            total += out[v];
        }
        assertEquals(1, total, 1e-5);
    }

    @Property(tries = 200)
    void drawsOnlyKeptTokensAndConfidencesAreInRange(
            @ForAll @IntRange(min = 2, max = 300) int vocabulary,
            @ForAll @DoubleRange(min = 0, max = 1, maxIncluded = false) double u,
            @ForAll @DoubleRange(min = 0.05, max = 2) double temperature,
            @ForAll long seed) {
        var distribution = new TokenDistribution(vocabulary);
        distribution.set(logits(vocabulary, 1, seed), 0, new Sampling(temperature, 0.7, 20));
        assertTrue(distribution.probability(distribution.draw(u)) > 0);
        float best = distribution.probability(distribution.mostLikely());
        assertTrue(distribution.margin() >= 0 && distribution.margin() <= best);
        assertTrue(distribution.negativeEntropy() <= 1e-6
                && distribution.negativeEntropy() >= -Math.log(vocabulary) - 1e-4);
    }

    /** Spread 0 gives many ties, 3 gives one dominant token. */
    private static float[] logits(int vocabulary, int spread, long seed) {
        var random = new Random(seed);
        var logits = new float[vocabulary];
        for (int i = 0; i < vocabulary; i++) {
            logits[i] = spread == 0 ? random.nextInt(4) : (float) (random.nextGaussian() * Math.pow(6, spread - 1));
        }
        return logits;
    }

    private static double[] naive(float[] logits, float topP, int topK) {
        int v = logits.length;
        float max =
                (float) IntStream.range(0, v).mapToDouble(i -> logits[i]).max().orElseThrow();
        // The same exponential, so that a cut between two nearly equal sums cannot fall on different sides.
        var weight = IntStream.range(0, v)
                .mapToDouble(i -> FastFloat.exp(logits[i] - max))
                .toArray();
        double sum = IntStream.range(0, v).mapToDouble(i -> weight[i]).sum();
        var order = IntStream.range(0, v)
                .boxed()
                .sorted(Comparator.<Integer>comparingDouble(i -> -logits[i]).thenComparingInt(i -> i))
                .mapToInt(Integer::intValue)
                .toArray();
        int count = v;
        if (topP < 1) {
            count = 0;
            double cumulative = 0;
            while (count < v && (float) cumulative <= topP) {
                cumulative += (float) (weight[order[count]] / sum);
                count++;
            }
        }
        if (topK > 0 && topK < count) {
            int end = topK;
            while (end < count && logits[order[end]] == logits[order[topK - 1]]) {
                end++;
            }
            count = end;
        }
        double keptSum =
                IntStream.range(0, count).mapToDouble(n -> weight[order[n]]).sum();
        var probabilities = new double[v];
        for (int n = 0; n < count; n++) {
            probabilities[order[n]] = weight[order[n]] / keptSum;
        }
        return probabilities;
    }
}
