package io.coda4j.coder.tokenizer;

import java.util.Arrays;

/** A growing array of ints. */
final class IntList {
    private int[] values;
    private int size;

    IntList(int capacity) {
        values = new int[Math.max(capacity, 4)];
    }

    void add(int value) {
        reserve(1);
        values[size++] = value;
    }

    void addAll(int[] more) {
        reserve(more.length);
        System.arraycopy(more, 0, values, size, more.length);
        size += more.length;
    }

    int[] toArray() {
        return Arrays.copyOf(values, size);
    }

    private void reserve(int extra) {
        if (size + extra > values.length) {
            values = Arrays.copyOf(values, Math.max(values.length * 2, size + extra));
        }
    }
}
