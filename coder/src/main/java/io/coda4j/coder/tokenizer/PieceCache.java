package io.coda4j.coder.tokenizer;

import org.jspecify.annotations.Nullable;

/**
 * Remembers the ids of pieces seen lately, in a fixed number of slots that newer pieces overwrite.
 *
 * <p>Threads share it without locks: an entry is immutable and is read and written as one reference, so the worst that
 * a race can do is to lose an entry. Long pieces are not kept, which bounds the memory.
 */
final class PieceCache {
    private record Entry(String piece, int[] ids) {}

    private static final int SLOTS = 1 << 15;
    private static final int LONGEST = 48;

    private final @Nullable Entry[] entries = new Entry[SLOTS];

    /** Returns the ids of the piece {@code [start, end)} of {@code text}, shared and not to be changed, or null. */
    int @Nullable [] find(String text, int start, int end) {
        if (end - start > LONGEST) {
            return null;
        }
        @Nullable Entry entry = entries[slot(text, start, end)];
        if (entry == null || entry.piece.length() != end - start || !text.startsWith(entry.piece, start)) {
            return null;
        }
        return entry.ids;
    }

    void remember(String text, int start, int end, int[] ids) {
        if (end - start <= LONGEST) {
            entries[slot(text, start, end)] = new Entry(text.substring(start, end), ids);
        }
    }

    private static int slot(String text, int start, int end) {
        int hash = 0;
        for (int i = start; i < end; i++) {
            hash = hash * 31 + text.charAt(i);
        }
        hash *= 0x9E3779B1;
        return hash >>> (32 - Integer.numberOfTrailingZeros(SLOTS));
    }
}
