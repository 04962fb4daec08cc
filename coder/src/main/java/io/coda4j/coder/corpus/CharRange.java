package io.coda4j.coder.corpus;

/**
 * The characters {@code start} (inclusive) to {@code end} (exclusive) of a text, in UTF-16 units.
 *
 * @param start first index
 * @param end index behind the last
 */
public record CharRange(int start, int end) {
    public CharRange {
        if (start < 0 || end < start) {
            throw new IllegalArgumentException("Range [" + start + ", " + end + ") is not a range");
        }
    }

    /** Returns whether the character at {@code index} lies in this range. */
    public boolean contains(int index) {
        return index >= start && index < end;
    }

    public int length() {
        return end - start;
    }
}
