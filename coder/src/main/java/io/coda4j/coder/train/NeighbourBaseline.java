package io.coda4j.coder.train;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.function.IntToLongFunction;

/**
 * Guesses a masked token by counting: the most frequent token between its two visible neighbours in the training text,
 * backing off to the left neighbour alone, the right alone, and the most frequent token of all. A neighbour that is
 * masked itself is not visible. Ties go to the lowest id.
 */
public final class NeighbourBaseline {
    private static final int NONE = -1;

    /** Bits of an id in a key: three ids, of which the last is counted in the context of the others, in order of the context. */
    private static final int ID_BITS = 21;

    private static final long ID = (1L << ID_BITS) - 1;

    private final Map<Long, Integer> between = new HashMap<>();
    private final Map<Long, Integer> afterLeft = new HashMap<>();
    private final Map<Long, Integer> beforeRight = new HashMap<>();
    private final int mostFrequent;

    /**
     * Counts {@code tokens}.
     *
     * @throws IllegalArgumentException if one of them is negative, or 2^21 or more
     */
    public NeighbourBaseline(int[] tokens) {
        int n = tokens.length;
        for (int i = 0; i < n; i++) {
            if ((tokens[i] & ~ID) != 0) {
                throw new IllegalArgumentException(
                        "token " + i + ": an id below " + (ID + 1) + " expected, got " + tokens[i]);
            }
        }
        choose(keys(n - 2, i -> key(key(tokens[i], tokens[i + 2]), tokens[i + 1])), between);
        choose(keys(n - 1, i -> key(tokens[i], tokens[i + 1])), afterLeft);
        choose(keys(n - 1, i -> key(tokens[i + 1], tokens[i])), beforeRight);
        var best = new HashMap<Long, Integer>();
        choose(keys(n, i -> tokens[i]), best);
        mostFrequent = best.getOrDefault(0L, 0);
    }

    private static long key(long context, int token) {
        return context << ID_BITS | token;
    }

    /** The keys of {@code count} places, equal ones side by side. */
    private static long[] keys(int count, IntToLongFunction keyOf) {
        long[] keys = new long[Math.max(0, count)];
        Arrays.setAll(keys, keyOf);
        Arrays.sort(keys);
        return keys;
    }

    /** The most frequent token of each context. */
    private static void choose(long[] keys, Map<Long, Integer> best) {
        int bestCount = 0;
        for (int start = 0; start < keys.length; ) {
            int end = start;
            while (end < keys.length && keys[end] == keys[start]) {
                end++;
            }
            long context = keys[start] >>> ID_BITS;
            boolean isNew = start == 0 || keys[start - 1] >>> ID_BITS != context;
            if (isNew || end - start > bestCount) {
                best.put(context, (int) (keys[start] & ID));
                bestCount = end - start;
            }
            start = end;
        }
    }

    /** The most frequent token of the training text. */
    public int mostFrequent() {
        return mostFrequent;
    }

    /** The guess for position {@code at} of row {@code tokens[from..to)}, where masked positions hold {@code mask}. */
    public int guess(int[] tokens, int from, int to, int at, int mask) {
        int left = at > from && tokens[at - 1] != mask ? tokens[at - 1] : NONE;
        int right = at + 1 < to && tokens[at + 1] != mask ? tokens[at + 1] : NONE;
        Integer guess = left >= 0 && right >= 0 ? between.get(key(left, right)) : null;
        if (guess == null && left >= 0) {
            guess = afterLeft.get((long) left);
        }
        if (guess == null && right >= 0) {
            guess = beforeRight.get((long) right);
        }
        return guess == null ? mostFrequent : guess;
    }
}
