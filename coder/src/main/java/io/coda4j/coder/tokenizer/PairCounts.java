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
 * <p>Each pair knows the places it was seen at, so a merge touches only those: a word of a million letters is not gone
 * through again for each. Places that hold the pair no longer are noticed when their turn comes. The queue is lazy as well:
 * counts that fell are noticed when their entry comes to the top, counts that rose get a new entry.
 */
final class PairCounts {
    /**
     * A piece as token ids, with the number of times it occurs.
     *
     * @param ids shared, not copied
     */
    record Word(int[] ids, int count) {}

    /** A pair with its number of occurrences. */
    record Candidate(int left, int right, long count) {}

    private static final class Pair {
        private long count;
        private final IntList places = new IntList(4);
    }

    private static final Comparator<Candidate> BEST_FIRST = Comparator.comparingLong(Candidate::count)
            .reversed()
            .thenComparingInt(Candidate::left)
            .thenComparingInt(Candidate::right);

    private static final int NONE = -1;

    /** The tokens of all words one behind the other; a token stands where its first byte stood, {@link #NONE} elsewhere. */
    private final int[] ids;

    /** The places of the neighbours in the same word, {@link #NONE} at its ends. */
    private final int[] before;

    private final int[] behind;

    /** How often the word occurs that a place belongs to. */
    private final int[] counts;

    private final Map<Long, Pair> pairs = new HashMap<>();
    private final PriorityQueue<Candidate> queue = new PriorityQueue<>(BEST_FIRST);

    PairCounts(List<Word> words) {
        int length = 0;
        for (var word : words) {
            length = Math.addExact(length, word.ids.length);
        }
        ids = new int[length];
        before = new int[length];
        behind = new int[length];
        counts = new int[length];
        int start = 0;
        for (var word : words) {
            place(word, start);
            start += word.ids.length;
        }
        pairs.keySet().forEach(this::enqueue);
    }

    private void place(Word word, int start) {
        int end = start + word.ids.length;
        System.arraycopy(word.ids, 0, ids, start, word.ids.length);
        Arrays.fill(counts, start, end, word.count);
        for (int at = start; at < end; at++) {
            before[at] = at == start ? NONE : at - 1;
            behind[at] = at + 1 == end ? NONE : at + 1;
            if (at + 1 < end) {
                add(ids[at], ids[at + 1], at);
            }
        }
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

    /** Replaces the pair by {@code merged} in every word, from the left, and updates the counts of the pairs around it. */
    void merge(Candidate pair, int merged) {
        var risen = new HashSet<Long>();
        long key = MergeTable.key(pair.left(), pair.right());
        int[] places = Objects.requireNonNull(pairs.get(key)).places.toArray();
        // Two merges that spell one token can have listed them one after the other.
        Arrays.sort(places);
        for (int at : places) {
            if (ids[at] == pair.left() && behind[at] != NONE && ids[behind[at]] == pair.right()) {
                mergeAt(at, pair, merged, risen);
            }
        }
        pairs.remove(key);
        risen.forEach(this::enqueue);
    }

    private void mergeAt(int at, Candidate pair, int merged, Set<Long> risen) {
        int gone = behind[at];
        int next = behind[gone];
        int last = before[at];
        if (last != NONE) {
            remove(ids[last], pair.left(), at);
            add(ids[last], merged, last);
            risen.add(MergeTable.key(ids[last], merged));
        }
        if (next != NONE) {
            remove(pair.right(), ids[next], at);
            add(merged, ids[next], at);
            risen.add(MergeTable.key(merged, ids[next]));
            before[next] = at;
        }
        behind[at] = next;
        ids[at] = merged;
        ids[gone] = NONE;
    }

    private void add(int left, int right, int at) {
        var pair = pairs.computeIfAbsent(MergeTable.key(left, right), _ -> new Pair());
        pair.count += counts[at];
        pair.places.add(at);
    }

    private void remove(int left, int right, int at) {
        Objects.requireNonNull(pairs.get(MergeTable.key(left, right))).count -= counts[at];
    }

    private void enqueue(long key) {
        Pair pair = pairs.get(key);
        if (pair != null && pair.count > 0) {
            queue.add(new Candidate((int) (key >>> 32), (int) key, pair.count));
        }
    }
}
