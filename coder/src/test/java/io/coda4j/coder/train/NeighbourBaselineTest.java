package io.coda4j.coder.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Objects;
import java.util.Random;
import java.util.function.IntPredicate;
import org.junit.jupiter.api.Test;

class NeighbourBaselineTest {
    private static final int MASK = 9;

    /** The token that stands most often at the places of {@code tokens} that {@code isContext} tells of, or -1. */
    private static int mostOften(int[] tokens, IntPredicate isContext) {
        int[] counts = new int[MASK];
        for (int i = 0; i < tokens.length; i++) {
            counts[tokens[i]] += isContext.test(i) ? 1 : 0;
        }
        int best = -1;
        for (int token = 0; token < MASK; token++) {
            if (counts[token] > (best < 0 ? 0 : counts[best])) {
                best = token;
            }
        }
        return best;
    }

    private static boolean has(int[] tokens, int i, int token) {
        return i >= 0 && i < tokens.length && tokens[i] == token;
    }

    private static int expected(int[] tokens, int left, int right) {
        int guess = -1;
        if (left >= 0 && right >= 0) {
            guess = mostOften(tokens, i -> has(tokens, i - 1, left) && has(tokens, i + 1, right));
        }
        if (guess < 0 && left >= 0) {
            guess = mostOften(tokens, i -> has(tokens, i - 1, left));
        }
        if (guess < 0 && right >= 0) {
            guess = mostOften(tokens, i -> has(tokens, i + 1, right));
        }
        return guess < 0 ? mostOften(tokens, _ -> true) : guess;
    }

    /** Few tokens, so that contexts repeat and tie; some of them never occur. */
    @Test
    void theMostFrequentTokenBetweenTheVisibleNeighboursIsGuessed() {
        for (int seed = 0; seed < 50; seed++) {
            var random = new Random(seed);
            int[] tokens = random.ints(1 + random.nextInt(40), 0, 2 + random.nextInt(5))
                    .toArray();
            var baseline = new NeighbourBaseline(tokens);
            for (int left = 0; left <= MASK; left++) {
                for (int right = 0; right <= MASK; right++) {
                    int[] row = {left, MASK, right};
                    int want = expected(tokens, left == MASK ? -1 : left, right == MASK ? -1 : right);
                    assertEquals(
                            want, baseline.guess(row, 0, 3, 1, MASK), () -> "between " + row[0] + " and " + row[2]);
                }
                int[] row = {left, MASK};
                assertEquals(expected(tokens, left == MASK ? -1 : left, -1), baseline.guess(row, 0, 2, 1, MASK));
            }
        }
    }

    @Test
    void greatIdsAreKeptApart() {
        int great = (1 << 21) - 1;
        var baseline = new NeighbourBaseline(new int[] {great, 7, great, great, 7, 1});
        assertEquals(7, baseline.guess(new int[] {great, -1, great}, 0, 3, 1, -1));
        assertEquals(great, baseline.mostFrequent());
        var error = assertThrows(IllegalArgumentException.class, () -> new NeighbourBaseline(new int[] {0, great + 1}));
        assertEquals("token 1: an id below 2097152 expected, got 2097152", Objects.requireNonNull(error.getMessage()));
        assertThrows(IllegalArgumentException.class, () -> new NeighbourBaseline(new int[] {-1}));
    }

    @Test
    void withoutTextTheGuessIsTheFirstToken() {
        assertEquals(0, new NeighbourBaseline(new int[0]).guess(new int[] {MASK}, 0, 1, 0, MASK));
    }
}
