package io.coda4j.tensor.exec;

import java.util.Map;
import java.util.TreeMap;

/** Offsets within one block of storage: best fit among the gaps, neighbouring gaps merged. */
final class Slab {
    private static final long ALIGNMENT = 64;

    private final TreeMap<Long, Long> gaps = new TreeMap<>();
    private long extent;

    /** {@code bytes} rounded up to the alignment of values. */
    static long align(long bytes) {
        return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    /** The size the block must have. */
    long extent() {
        return extent;
    }

    /** A range of {@code bytes} that no live value uses. */
    long allocate(long bytes) {
        long need = align(bytes);
        if (need == 0) {
            return 0;
        }
        Map.Entry<Long, Long> best = null;
        for (var gap : gaps.entrySet()) {
            if (gap.getValue() >= need && (best == null || gap.getValue() < best.getValue())) {
                best = gap;
            }
        }
        return best == null ? extend(need) : carve(best.getKey(), best.getValue(), need);
    }

    private long carve(long offset, long length, long need) {
        gaps.remove(offset);
        if (length > need) {
            gaps.put(offset + need, length - need);
        }
        return offset;
    }

    private long extend(long need) {
        var last = gaps.lastEntry();
        boolean reachesEnd = last != null && last.getKey() + last.getValue() == extent;
        long offset = reachesEnd ? last.getKey() : extent;
        if (reachesEnd) {
            gaps.remove(offset);
        }
        extent = offset + need;
        return offset;
    }

    /** Gives back what {@link #allocate} returned for {@code bytes}. */
    void release(long offset, long bytes) {
        long length = align(bytes);
        if (length == 0) {
            return;
        }
        var before = gaps.lowerEntry(offset);
        if (before != null && before.getKey() + before.getValue() == offset) {
            gaps.remove(before.getKey());
            offset = before.getKey();
            length += before.getValue();
        }
        var after = gaps.remove(offset + length);
        gaps.put(offset, after == null ? length : length + after);
    }
}
