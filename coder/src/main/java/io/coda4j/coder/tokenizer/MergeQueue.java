package io.coda4j.coder.tokenizer;

import java.util.Arrays;

/**
 * The places where a piece of text may be merged, lowest rank first, leftmost first among equals.
 *
 * <p>A heap of longs with four children each: a piece of ten million letters has as many places at once, and boxes would
 * take most of the time and memory. Children of one parent lie next to each other, so a level costs one miss of the cache.
 */
final class MergeQueue {
    private static final int CHILDREN = 4;

    private long[] places;
    private int size;

    MergeQueue(int capacity) {
        places = new long[Math.max(capacity, CHILDREN)];
    }

    boolean isEmpty() {
        return size == 0;
    }

    /** Adds the place {@code at}, whose pair has the rank {@code rank}; neither is negative. */
    void add(int rank, int at) {
        if (size == places.length) {
            places = Arrays.copyOf(places, Math.addExact(size, size / 2 + 1));
        }
        long place = ((long) rank << 32) | at;
        int i = size++;
        while (i > 0 && place < places[(i - 1) / CHILDREN]) {
            places[i] = places[(i - 1) / CHILDREN];
            i = (i - 1) / CHILDREN;
        }
        places[i] = place;
    }

    /** Removes the first place and returns it, to be taken apart by {@link #rank} and {@link #at}. */
    long remove() {
        long first = places[0];
        long last = places[--size];
        int i = 0;
        while (true) {
            int child = leastChild(i);
            if (child < 0 || last <= places[child]) {
                break;
            }
            places[i] = places[child];
            i = child;
        }
        places[i] = last;
        return first;
    }

    private int leastChild(int parent) {
        int from = parent * CHILDREN + 1;
        int to = Math.min(from + CHILDREN, size);
        int least = -1;
        for (int child = from; child < to; child++) {
            if (least < 0 || places[child] < places[least]) {
                least = child;
            }
        }
        return least;
    }

    static int rank(long place) {
        return (int) (place >>> 32);
    }

    static int at(long place) {
        return (int) place;
    }
}
