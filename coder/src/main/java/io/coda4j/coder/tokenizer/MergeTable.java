package io.coda4j.coder.tokenizer;

import java.util.Arrays;

/**
 * Rank of each pair of token ids that may be merged, as an open-addressing hash table without boxing.
 *
 * <p>It is asked several times for every byte of a new piece; a {@code HashMap<Long, Integer>} would spend most of the
 * encoder's time on boxes.
 */
final class MergeTable {
    /** The rank of a pair that cannot be merged: behind every real rank. */
    static final int NONE = Integer.MAX_VALUE;

    private static final long EMPTY = -1L;

    private final long[] keys;
    private final int[] ranks;

    MergeTable(int expected) {
        int capacity = Integer.highestOneBit(Math.max(8, expected) * 2 - 1) * 2;
        keys = new long[capacity];
        ranks = new int[capacity];
        Arrays.fill(keys, EMPTY);
    }

    static long key(int left, int right) {
        return ((long) left << 32) | right;
    }

    /** Adds a pair and returns false, changing nothing, where it is there already. */
    boolean add(int left, int right, int rank) {
        long key = key(left, right);
        int slot = slot(key);
        if (keys[slot] == key) {
            return false;
        }
        keys[slot] = key;
        ranks[slot] = rank;
        return true;
    }

    /** Returns the rank of the pair, or {@link #NONE}. */
    int rank(int left, int right) {
        long key = key(left, right);
        int slot = slot(key);
        return keys[slot] == key ? ranks[slot] : NONE;
    }

    private int slot(long key) {
        long mixed = key * 0x9E3779B97F4A7C15L;
        int mask = keys.length - 1;
        int slot = (int) (mixed >>> 32) & mask;
        while (keys[slot] != EMPTY && keys[slot] != key) {
            slot = (slot + 1) & mask;
        }
        return slot;
    }
}
