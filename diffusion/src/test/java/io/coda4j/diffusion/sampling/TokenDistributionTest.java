package io.coda4j.diffusion.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.diffusion.random.CounterRandom;
import io.coda4j.diffusion.random.Purpose;
import org.junit.jupiter.api.Test;

class TokenDistributionTest {

    private static float[] probabilities(float[] logits, Sampling sampling, int... suppressed) {
        var distribution = new TokenDistribution(logits.length, suppressed);
        distribution.set(logits, 0, sampling);
        var out = new float[logits.length];
        distribution.probabilities(out);
        return out;
    }

    @Test
    void topPKeepsTheTokenThatCrossesIt() {
        // Probabilities 0.5, 0.25, 0.125, 0.125.
        float[] logits = {(float) Math.log(.125), (float) Math.log(.5), (float) Math.log(.25), (float) Math.log(.125)};
        assertArrayEquals(new float[] {0, 1, 0, 0}, probabilities(logits, new Sampling(0, .4, 0)), 1e-6f);
        assertArrayEquals(new float[] {0, 2 / 3f, 1 / 3f, 0}, probabilities(logits, new Sampling(0, .6, 0)), 1e-6f);
        // Of the equal tokens 0 and 3 the lower id is kept.
        assertArrayEquals(
                new float[] {1 / 7f, 4 / 7f, 2 / 7f, 0}, probabilities(logits, new Sampling(0, .8, 0)), 1e-6f);
    }

    @Test
    void topKKeepsTiesWithTheLast() {
        float[] logits = {1, 3, 2, 2, 0, 2};
        var p = probabilities(logits, new Sampling(0, 1, 2));
        assertEquals(0, p[0]);
        assertTrue(p[1] > 0 && p[2] > 0 && p[3] == p[2] && p[5] == p[2]);
        assertEquals(0, p[4]);
    }

    @Test
    void topKBeyondTheVocabularyKeepsAll() {
        float[] logits = {1, 3, 2};
        assertArrayEquals(
                probabilities(logits, Sampling.GREEDY), probabilities(logits, new Sampling(0, 1, 400)), 1e-7f);
    }

    @Test
    void filtersApplyToTheTemperedDistribution() {
        float[] logits = {0, 1, 2};
        // Tempered by 0.1 the top token has almost all the mass, untempered it has 0.67.
        assertArrayEquals(new float[] {0, 0, 1}, probabilities(logits, new Sampling(.1, .9, 0)), 1e-6f);
        assertTrue(probabilities(logits, new Sampling(1, .9, 0))[1] > 0);
    }

    @Test
    void equalLogitsGiveTheLowestToken() {
        var distribution = new TokenDistribution(5);
        distribution.set(new float[] {-0f, 0f, 0f, -1f, 0f}, 0, Sampling.GREEDY);
        assertEquals(0, distribution.mostLikely());
        assertEquals(0, distribution.margin());
    }

    @Test
    void suppressedTokensHaveNoProbability() {
        float[] logits = {5, 1, 2};
        assertArrayEquals(new float[] {0, .26894f, .73106f}, probabilities(logits, Sampling.GREEDY, 0), 1e-5f);
        assertArrayEquals(new float[] {5, 1, 2}, logits);
        var e = assertThrows(IllegalArgumentException.class, () -> probabilities(logits, Sampling.GREEDY, 0, 1, 2));
        assertTrue(e.getMessage().contains("no token is left"), e.getMessage());
        e = assertThrows(IllegalArgumentException.class, () -> new TokenDistribution(3, 3));
        assertTrue(e.getMessage().contains("outside the vocabulary"), e.getMessage());
    }

    @Test
    void brokenLogitsAreRefused() {
        for (float bad : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
            var e = assertThrows(
                    IllegalArgumentException.class, () -> probabilities(new float[] {0, bad, 1}, Sampling.GREEDY));
            assertTrue(e.getMessage().contains("NaN or infinity"), e.getMessage());
        }
    }

    @Test
    void drawsFollowTheDistribution() {
        float[] logits = {0, (float) Math.log(2), Float.NEGATIVE_INFINITY, (float) Math.log(5)};
        var random = new CounterRandom(11);
        for (var sampling :
                new Sampling[] {new Sampling(1, 1, 0), new Sampling(1, .999999, 0), new Sampling(1, 1, 3)}) {
            var distribution = new TokenDistribution(4);
            distribution.set(logits, 0, sampling);
            var counts = new int[4];
            for (int i = 0; i < 80_000; i++) {
                counts[distribution.draw(random.uniformDouble(Purpose.TEST, 0, 0, i))]++;
            }
            assertEquals(10_000, counts[0], 500);
            assertEquals(20_000, counts[1], 650);
            assertEquals(0, counts[2]);
            assertEquals(50_000, counts[3], 700);
        }
    }

    @Test
    void badSettingsAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> new Sampling(-1, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new Sampling(Double.NaN, 1, 0));
        assertThrows(IllegalArgumentException.class, () -> new Sampling(0, 0, 0));
        assertThrows(IllegalArgumentException.class, () -> new Sampling(0, 1.1, 0));
        assertThrows(IllegalArgumentException.class, () -> new Sampling(0, 1, -1));
    }
}
