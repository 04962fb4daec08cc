package io.coda4j.coder.train;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * Guesses a masked token by counting: the most frequent token between its two visible neighbours in the training text,
 * backing off to the left neighbour alone, the right alone, and the most frequent token of all. A neighbour that is
 * masked itself is not visible. Ties go to the lowest id.
 */
public final class NeighbourBaseline {
    private static final int NONE = -1;

    private final Map<Long, Integer> between = new HashMap<>();
    private final Map<Long, Integer> afterLeft = new HashMap<>();
    private final Map<Long, Integer> beforeRight = new HashMap<>();
    private final int mostFrequent;

    /** Counts {@code tokens}. */
    public NeighbourBaseline(int[] tokens) {
        int n = tokens.length;
        var middle = new Count[Math.max(0, n - 2)];
        for (int i = 0; i < middle.length; i++) {
            middle[i] = new Count(key(tokens[i], tokens[i + 2]), tokens[i + 1]);
        }
        choose(middle, between);
        var pairs = new Count[Math.max(0, n - 1)];
        for (int i = 0; i < pairs.length; i++) {
            pairs[i] = new Count(tokens[i], tokens[i + 1]);
        }
        choose(pairs, afterLeft);
        for (int i = 0; i < pairs.length; i++) {
            pairs[i] = new Count(tokens[i + 1], tokens[i]);
        }
        choose(pairs, beforeRight);
        var single = new Count[n];
        for (int i = 0; i < n; i++) {
            single[i] = new Count(0, tokens[i]);
        }
        var best = new HashMap<Long, Integer>();
        choose(single, best);
        mostFrequent = best.getOrDefault(0L, 0);
    }

    private record Count(long context, int token) implements Comparable<Count> {
        @Override
        public int compareTo(Count other) {
            int byContext = Long.compare(context, other.context);
            return byContext != 0 ? byContext : Integer.compare(token, other.token);
        }
    }

    private static long key(int left, int right) {
        return (long) left << 32 | right;
    }

    /** The most frequent token of each context. */
    private static void choose(Count[] counts, Map<Long, Integer> best) {
        Arrays.sort(counts);
        int bestCount = 0;
        for (int start = 0; start < counts.length; ) {
            int end = start;
            while (end < counts.length && counts[end].equals(counts[start])) {
                end++;
            }
            boolean isNew = start == 0 || counts[start - 1].context != counts[start].context;
            if (isNew || end - start > bestCount) {
                best.put(counts[start].context, counts[start].token);
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
