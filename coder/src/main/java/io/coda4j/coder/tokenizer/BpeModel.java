package io.coda4j.coder.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;

/**
 * The vocabulary and the ranked merges of a byte-level BPE, and the merging of one piece of text.
 *
 * <p>{@link #encode} starts from one token per byte and repeatedly merges the neighbours of lowest rank, leftmost first.
 * Short pieces are scanned, long ones (a line of 100,000 letters is one piece) use a linked list and a heap, so that the
 * cost stays O(n log n).
 */
final class BpeModel {
    /** One merge by its two tokens, in byte-alphabet spelling. */
    record Merge(String left, String right) {}

    /** Pieces up to this many bytes are merged by scanning, which is faster there than a heap. */
    private static final int SCAN_LIMIT = 40;

    private final Map<String, Integer> vocabulary;
    private final int highestId;
    private final List<Merge> merges;
    private final int[] byteIds = new int[256];
    private final MergeTable ranks;
    private final int[] merged;

    /**
     * Checks and indexes a model.
     *
     * @param vocabulary token in byte-alphabet spelling to id; kept, not copied
     * @param merges merges in rank order
     * @throws Invalid naming the first thing that is wrong
     */
    BpeModel(Map<String, Integer> vocabulary, List<Merge> merges) throws Invalid {
        this.vocabulary = Collections.unmodifiableMap(vocabulary);
        this.highestId = highestId(vocabulary);
        for (int b = 0; b < 256; b++) {
            Integer id = vocabulary.get(String.valueOf(ByteAlphabet.charOf(b)));
            if (id == null) {
                throw new Invalid(
                        -1,
                        "the vocabulary has no token for byte 0x%02X (spelled '%c'); a byte-level model needs all 256"
                                .formatted(b, ByteAlphabet.charOf(b)));
            }
            byteIds[b] = id;
        }
        ranks = new MergeTable(merges.size());
        merged = new int[merges.size()];
        var spelled = spellings();
        var shared = new Merge[merged.length];
        for (int rank = 0; rank < merged.length; rank++) {
            Merge merge = merges.get(rank);
            int left = idIn(rank, merge, merge.left());
            int right = idIn(rank, merge, merge.right());
            merged[rank] = idIn(rank, merge, merge.left() + merge.right());
            if (!ranks.add(left, right, rank)) {
                throw new Invalid(rank, "merge '" + merge.left() + " " + merge.right() + "' is listed twice");
            }
            shared[rank] = new Merge(spelled[left], spelled[right]);
        }
        this.merges = List.of(shared);
    }

    /** The vocabulary's own strings by id, for merges to share: 300,000 copies of them take 22 MB. */
    private String[] spellings() {
        var spelled = new String[highestId + 1];
        vocabulary.forEach((token, id) -> spelled[id] = token);
        return spelled;
    }

    private static int highestId(Map<String, Integer> vocabulary) {
        int highest = -1;
        for (int id : vocabulary.values()) {
            highest = Math.max(highest, id);
        }
        return highest;
    }

    /** What is wrong with a model; {@code rank} is the merge at fault, or -1 where it is the vocabulary. */
    static final class Invalid extends Exception {
        private static final long serialVersionUID = 1L;
        private final int rank;

        Invalid(int rank, String message) {
            super(message);
            this.rank = rank;
        }

        int rank() {
            return rank;
        }

        /** What is wrong. */
        String problem() {
            return String.valueOf(getMessage());
        }
    }

    private int idIn(int rank, Merge merge, String token) throws Invalid {
        Integer id = vocabulary.get(token);
        if (id == null) {
            throw new Invalid(
                    rank,
                    "merge '" + merge.left() + " " + merge.right() + "' refers to '" + token
                            + "', which is not in the vocabulary");
        }
        return id;
    }

    int highestId() {
        return highestId;
    }

    Map<String, Integer> vocabulary() {
        return vocabulary;
    }

    List<Merge> merges() {
        return merges;
    }

    /** Returns the ids of the characters {@code [start, end)} of {@code text}, taken as one piece. */
    int[] encode(String text, int start, int end) {
        // A lone surrogate has no UTF-8 form; U+FFFD is what a decoder of such text would show.
        byte[] bytes = TextSplitter.wellFormed(text.substring(start, end)).getBytes(StandardCharsets.UTF_8);
        var ids = new int[bytes.length];
        for (int i = 0; i < bytes.length; i++) {
            ids[i] = byteIds[bytes[i] & 0xFF];
        }
        int length = ids.length <= SCAN_LIMIT ? mergeByScan(ids) : mergeByHeap(ids);
        return length == ids.length ? ids : Arrays.copyOf(ids, length);
    }

    /** Merges in place, finding the lowest rank by a scan each time, and returns the new length. */
    int mergeByScan(int[] ids) {
        int n = ids.length;
        var rankAt = new int[Math.max(n, 1)];
        for (int i = 0; i + 1 < n; i++) {
            rankAt[i] = ranks.rank(ids[i], ids[i + 1]);
        }
        while (n > 1) {
            int best = 0;
            for (int i = 1; i < n - 1; i++) {
                if (rankAt[i] < rankAt[best]) {
                    best = i;
                }
            }
            if (rankAt[best] == MergeTable.NONE) {
                break;
            }
            ids[best] = merged[rankAt[best]];
            System.arraycopy(ids, best + 2, ids, best + 1, n - best - 2);
            System.arraycopy(rankAt, best + 1, rankAt, best, n - best - 2);
            n--;
            if (best > 0) {
                rankAt[best - 1] = ranks.rank(ids[best - 1], ids[best]);
            }
            if (best + 1 < n) {
                rankAt[best] = ranks.rank(ids[best], ids[best + 1]);
            }
        }
        return n;
    }

    /** Merges in place over a linked list of positions with a heap of (rank, position), and returns the new length. */
    int mergeByHeap(int[] ids) {
        int n = ids.length;
        var next = new int[n];
        var previous = new int[n];
        var rankAt = new int[n];
        var queue = new MergeQueue(n);
        for (int i = 0; i < n; i++) {
            next[i] = i + 1;
            previous[i] = i - 1;
            offer(queue, rankAt, i, i + 1 < n ? ranks.rank(ids[i], ids[i + 1]) : MergeTable.NONE);
        }
        while (!queue.isEmpty()) {
            long place = queue.remove();
            int rank = MergeQueue.rank(place);
            int at = MergeQueue.at(place);
            if (rankAt[at] != rank) {
                continue; // the pair that was here has changed since
            }
            int gone = next[at];
            ids[at] = merged[rank];
            rankAt[gone] = MergeTable.NONE;
            next[at] = next[gone];
            if (next[at] < n) {
                previous[next[at]] = at;
            }
            offer(queue, rankAt, at, next[at] < n ? ranks.rank(ids[at], ids[next[at]]) : MergeTable.NONE);
            if (previous[at] >= 0) {
                offer(queue, rankAt, previous[at], ranks.rank(ids[previous[at]], ids[at]));
            }
        }
        int length = 0;
        for (int i = 0; i < n; i = next[i]) {
            ids[length++] = ids[i];
        }
        return length;
    }

    private static void offer(MergeQueue queue, int[] rankAt, int at, int rank) {
        rankAt[at] = rank;
        if (rank != MergeTable.NONE) {
            queue.add(rank, at);
        }
    }
}
