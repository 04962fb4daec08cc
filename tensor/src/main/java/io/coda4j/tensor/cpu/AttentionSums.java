package io.coda4j.tensor.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Rows of D sums that an attention adds to block by block: in the result itself where that is F32, else in memory of the thread,
 * from which they are rounded to BF16 at the end.
 */
final class AttentionSums {
    /** Rows in memory of the thread; grows to the longest sequence. */
    private NativeScratch.Block own = NativeScratch.Block.of(0);

    private boolean narrow;
    private int rows;
    private int size;
    private MemorySegment result = MemorySegment.NULL;
    private long resultAt;
    private long resultStride;
    private MemorySegment segment = MemorySegment.NULL;
    private long start;
    private long stride;

    /** Rows before this one hold sums, the others anything. */
    private int reached;

    /**
     * Begins {@code rows} sums.
     *
     * @param result where they belong, from byte {@code at} on, {@code stride} bytes apart
     */
    void begin(AttentionShape shape, MemorySegment result, long at, long stride, int rows) {
        // No rows of a second head would begin behind the end of a result without elements.
        if (rows > 0) {
            Objects.checkFromIndexSize(at, (rows - 1) * stride + shape.rowBytes(), result.byteSize());
        }
        this.narrow = shape.narrow();
        this.size = shape.size();
        this.rows = rows;
        this.result = result;
        this.resultAt = at;
        this.resultStride = stride;
        this.reached = 0;
        if (narrow) {
            this.stride = (long) shape.width() * Float.BYTES;
            if (own.segment().byteSize() < rows * this.stride) {
                own = NativeScratch.Block.of(rows * this.stride);
            }
            this.segment = own.segment();
            this.start = 0;
        } else {
            this.segment = result;
            this.start = at;
            this.stride = stride;
        }
    }

    /**
     * Whether there are sums in rows {@code from..to} to add to; if not, they must be overwritten. Blocks begin at or before the first
     * row that none has reached.
     */
    boolean reach(int from, int to) {
        if (from >= reached) {
            reached = to;
            return false;
        }
        clearUnreached(to);
        return true;
    }

    private void clearUnreached(int to) {
        for (int r = reached; r < to; r++) {
            clear(r);
        }
        reached = Math.max(reached, to);
    }

    /** Makes a row zeros. */
    void clear(int row) {
        AttentionRows.clear(segment.address() + at(row, 0), size);
    }

    /** Multiplies a row. */
    void multiply(int row, float factor) {
        AttentionRows.multiply(segment.address() + at(row, 0), size, factor);
    }

    /** Makes all rows final. */
    void finish(AttentionPasses passes) {
        clearUnreached(rows);
        if (narrow) {
            for (int r = 0; r < rows; r++) {
                passes.round(segment.address() + at(r, 0), size, result.address() + resultAt + r * resultStride);
            }
        }
    }

    MemorySegment segment() {
        return segment;
    }

    /** The byte of an element in {@link #segment}. */
    long at(int row, int column) {
        return start + row * stride + column * (long) Float.BYTES;
    }

    /** Bytes between rows in {@link #segment}. */
    long stride() {
        return stride;
    }
}
