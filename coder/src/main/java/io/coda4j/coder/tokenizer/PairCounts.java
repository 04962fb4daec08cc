package io.coda4j.coder.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.PriorityQueue;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * How often each pair of neighbouring tokens occurs in a set of words, kept up to date while pairs are merged.
 *
 * <p>Each pair knows the words it was seen in, so a merge touches only those. The queue is lazy: counts that fell are
 * noticed when their entry comes to the top, counts that rose get a new entry.
 */
final class PairCounts {
    /** A piece as token ids, with the number of times it occurs. */
    static final class Word {
        private int[] ids;
        private final int count;

        Word(int[] ids, int count) {
            this.ids = ids;
            this.count = count;
        }
    }

    /** A pair with its number of occurrences. */
    record Candidate(int left, int right, long count) {}

    private static final class Pair {
        private long count;
        private final IntList words = new IntList(4);
    }

    private static final Comparator<Candidate> BEST_FIRST = Comparator.comparingLong(Candidate::count)
            .reversed()
            .thenComparingInt(Candidate::left)
            .thenComparingInt(Candidate::right);

    private final List<Word> words;
    private final Map<Long, Pair> pairs = new HashMap<>();
    private final PriorityQueue<Candidate> queue = new PriorityQueue<>(BEST_FIRST);

    PairCounts(List<Word> words) {
        this.words = words;
        for (int w = 0; w < words.size(); w++) {
            int[] ids = words.get(w).ids;
            for (int i = 0; i + 1 < ids.length; i++) {
                change(ids[i], ids[i + 1], words.get(w).count, w);
            }
        }
        pairs.keySet().forEach(this::enqueue);
    }

    /** Returns the ids of the bytes of {@code piece}. */
    static int[] spell(String piece, Map<String, Integer> byteIds) {
        byte[] bytes = piece.getBytes(StandardCharsets.UTF_8);
        var ids = new int[bytes.length];
        Arrays.setAll(ids, i -> byteIds.get(String.valueOf(ByteAlphabet.charOf(bytes[i]))));
        return ids;
    }

    /** Removes and returns the most frequent pair, the smallest among equals; null where no pair is left. */
    @Nullable
    Candidate removeBest() {
        while (!queue.isEmpty()) {
            var top = queue.remove();
            Pair pair = pairs.get(MergeTable.key(top.left(), top.right()));
            if (pair == null || pair.count <= 0) {
                continue;
            }
            if (pair.count == top.count()) {
                return top;
            }
            queue.add(new Candidate(top.left(), top.right(), pair.count));
        }
        return null;
    }

    /** Replaces the pair by {@code merged} in every word and updates the counts of the pairs around it. */
    void merge(Candidate pair, int merged) {
        var risen = new HashSet<Long>();
        IntList in = Objects.requireNonNull(pairs.get(MergeTable.key(pair.left(), pair.right()))).words;
        for (int i = 0; i < in.size(); i++) {
            mergeIn(in.get(i), pair, merged, risen);
        }
        pairs.remove(MergeTable.key(pair.left(), pair.right()));
        risen.forEach(this::enqueue);
    }

    private void mergeIn(int w, Candidate pair, int merged, Set<Long> risen) {
        var word = words.get(w);
        int[] ids = word.ids;
        var out = new int[ids.length];
        int length = 0;
        for (int i = 0; i < ids.length; i++) {
            if (i + 1 == ids.length || ids[i] != pair.left() || ids[i + 1] != pair.right()) {
                out[length++] = ids[i];
                continue;
            }
            if (length > 0) {
                change(out[length - 1], pair.left(), -word.count, w);
                change(out[length - 1], merged, word.count, w);
                risen.add(MergeTable.key(out[length - 1], merged));
            }
            if (i + 2 < ids.length) {
                change(pair.right(), ids[i + 2], -word.count, w);
                change(merged, ids[i + 2], word.count, w);
                risen.add(MergeTable.key(merged, ids[i + 2]));
            }
            out[length++] = merged;
            i++;
        }
        word.ids = Arrays.copyOf(out, length);
    }

    private void change(int left, int right, int by, int word) {
        var pair = pairs.computeIfAbsent(MergeTable.key(left, right), _ -> new Pair());
        pair.count += by;
        // A long word holds a pair many times; listed as often, it would be gone through as often.
        if (by > 0 && !pair.words.endsWith(word)) {
            pair.words.add(word);
        }
    }

    private void enqueue(long key) {
        Pair pair = pairs.get(key);
        if (pair != null && pair.count > 0) {
            queue.add(new Candidate((int) (key >>> 32), (int) key, pair.count));
        }
    }
}
