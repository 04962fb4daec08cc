package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A copy of a box of elements between two dense tensors, each with a stride per axis of the box; a source stride of 0
 * repeats. Axes of size 1 are dropped and axes that lie one inside the other are merged first, so that the innermost
 * loop is as long as it can be.
 */
final class StridedCopy {
    /** Side of the square tiles of a transpose: both their rows and columns stay in L1. */
    private static final int TILE = 32;

    /** Elements of one task, about. */
    private static final int PIECE = 16_384;

    private final int[] dims;
    private final long[] from;
    private final long[] to;
    private final int width;

    private StridedCopy(int[] dims, long[] from, long[] to, int width) {
        this.dims = dims;
        this.from = from;
        this.to = to;
        this.width = width;
    }

    /** A copy of elements of {@code width} bytes over a box of {@code dims}, with strides in elements. */
    static StridedCopy of(int[] dims, long[] from, long[] to, int width) {
        int rank = 0;
        int[] d = new int[dims.length + 1];
        long[] f = new long[dims.length + 1];
        long[] t = new long[dims.length + 1];
        for (int i = 0; i < dims.length; i++) {
            if (dims[i] == 1) {
                continue;
            }
            boolean inside = rank > 0
                    && f[rank - 1] == from[i] * dims[i]
                    && t[rank - 1] == to[i] * dims[i]
                    && (long) d[rank - 1] * dims[i] <= Integer.MAX_VALUE;
            int at = inside ? rank - 1 : rank++;
            d[at] = inside ? d[at] * dims[i] : dims[i];
            f[at] = from[i];
            t[at] = to[i];
        }
        if (rank == 0) {
            d[0] = 1;
            f[0] = 1;
            t[0] = 1;
            rank = 1;
        }
        return new StridedCopy(Arrays.copyOf(d, rank), Arrays.copyOf(f, rank), Arrays.copyOf(t, rank), width);
    }

    /** Copies from element {@code fromOffset} of {@code x} to element {@code toOffset} of {@code y}. */
    void run(Parallel parallel, MemorySegment x, long fromOffset, MemorySegment y, long toOffset) {
        for (int dim : dims) {
            if (dim == 0) {
                return;
            }
        }
        int last = dims.length - 1;
        int across = from[last] > 1 ? axisOfStride1() : -1;
        if (across >= 0) {
            transposes(parallel, across, x, fromOffset, y, toOffset);
        } else {
            runs(parallel, x, fromOffset, y, toOffset);
        }
    }

    private int axisOfStride1() {
        for (int axis = dims.length - 2; axis >= 0; axis--) {
            if (from[axis] == 1) {
                return axis;
            }
        }
        return -1;
    }

    /** One task is some whole runs of the last axis, or a part of a long one. */
    private void runs(Parallel parallel, MemorySegment x, long fromOffset, MemorySegment y, long toOffset) {
        int last = dims.length - 1;
        int run = dims[last];
        long count = outer(last, -1);
        if (run >= PIECE) {
            int parts = (run + PIECE - 1) / PIECE;
            parallel.forEach(Math.toIntExact(count * parts), task -> {
                int part = task % parts * PIECE;
                long[] at = position(task / parts, last, -1, fromOffset, toOffset);
                int n = Math.min(PIECE, run - part);
                run(x, at[0] + part * from[last], y, at[1] + part * to[last], n);
            });
            return;
        }
        int perTask = Math.max(1, PIECE / run);
        parallel.forEach(Math.toIntExact((count + perTask - 1) / perTask), task -> {
            long first = (long) task * perTask;
            manyRuns(first, Math.min(count, first + perTask), x, fromOffset, y, toOffset);
        });
    }

    /** Runs {@code first .. end-1}, counting up the outer axes like a clock. */
    private void manyRuns(long first, long end, MemorySegment x, long fromOffset, MemorySegment y, long toOffset) {
        int last = dims.length - 1;
        int[] index = index(first, last, -1);
        long[] at = position(first, last, -1, fromOffset, toOffset);
        for (long i = first; i < end; i++) {
            run(x, at[0], y, at[1], dims[last]);
            for (int axis = last - 1; axis >= 0; axis--) {
                at[0] += from[axis];
                at[1] += to[axis];
                if (++index[axis] < dims[axis]) {
                    break;
                }
                at[0] -= from[axis] * dims[axis];
                at[1] -= to[axis] * dims[axis];
                index[axis] = 0;
            }
        }
    }

    private void run(MemorySegment x, long source, MemorySegment y, long target, int n) {
        int last = dims.length - 1;
        if (from[last] == 1 && to[last] == 1) {
            MemorySegment.copy(x, source * width, y, target * width, (long) n * width);
        } else if (from[last] == 0 && to[last] == 1) {
            Movement.repeat(x, source * width, y, target * width, n, width);
        } else {
            strided(x, source * width, from[last] * width, y, target * width, to[last] * width, n);
        }
    }

    private void strided(MemorySegment x, long source, long step, MemorySegment y, long target, long stride, int n) {
        switch (width) {
            case 1 -> stridedBytes(x, source, step, y, target, stride, n);
            case 2 -> stridedShorts(x, source, step, y, target, stride, n);
            case 4 -> stridedInts(x, source, step, y, target, stride, n);
            case 8 -> stridedLongs(x, source, step, y, target, stride, n);
            default -> throw new IllegalArgumentException("element width " + width);
        }
    }

    private static void stridedBytes(
            MemorySegment x, long source, long step, MemorySegment y, long target, long stride, int n) {
        for (int i = 0; i < n; i++) {
            y.set(JAVA_BYTE, target + i * stride, x.get(JAVA_BYTE, source + i * step));
        }
    }

    private static void stridedShorts(
            MemorySegment x, long source, long step, MemorySegment y, long target, long stride, int n) {
        for (int i = 0; i < n; i++) {
            y.set(JAVA_SHORT_UNALIGNED, target + i * stride, x.get(JAVA_SHORT_UNALIGNED, source + i * step));
        }
    }

    private static void stridedInts(
            MemorySegment x, long source, long step, MemorySegment y, long target, long stride, int n) {
        for (int i = 0; i < n; i++) {
            y.set(JAVA_INT_UNALIGNED, target + i * stride, x.get(JAVA_INT_UNALIGNED, source + i * step));
        }
    }

    private static void stridedLongs(
            MemorySegment x, long source, long step, MemorySegment y, long target, long stride, int n) {
        for (int i = 0; i < n; i++) {
            y.set(JAVA_LONG_UNALIGNED, target + i * stride, x.get(JAVA_LONG_UNALIGNED, source + i * step));
        }
    }

    /**
     * The source is dense along axis {@code across} and the result along the last: square tiles of the two, so that
     * each cache line is fetched once. One task is some rows of tiles.
     */
    private void transposes(
            Parallel parallel, int across, MemorySegment x, long fromOffset, MemorySegment y, long toOffset) {
        int last = dims.length - 1;
        int bands = (dims[across] + TILE - 1) / TILE;
        long count = outer(last, across) * bands;
        int perTask = Math.max(1, PIECE / (TILE * dims[last]));
        parallel.forEach(Math.toIntExact((count + perTask - 1) / perTask), task -> {
            long end = Math.min(count, (task + 1L) * perTask);
            for (long band = (long) task * perTask; band < end; band++) {
                int first = (int) (band % bands) * TILE;
                long[] at = position(band / bands, last, across, fromOffset, toOffset);
                int rows = Math.min(TILE, dims[across] - first);
                for (int column = 0; column < dims[last]; column += TILE) {
                    long source = at[0] + first + column * from[last];
                    long target = at[1] + first * to[across] + column * to[last];
                    tile(x, source, y, target, rows, Math.min(TILE, dims[last] - column), across);
                }
            }
        });
    }

    private void tile(MemorySegment x, long source, MemorySegment y, long target, int rows, int columns, int across) {
        int last = dims.length - 1;
        for (int row = 0; row < rows; row++) {
            strided(
                    x,
                    (source + row) * width,
                    from[last] * width,
                    y,
                    (target + row * to[across]) * width,
                    to[last] * width,
                    columns);
        }
    }

    /** The number of indices of all axes before {@code last} but {@code across}. */
    private long outer(int last, int across) {
        long count = 1;
        for (int axis = 0; axis < last; axis++) {
            if (axis != across) {
                count *= dims[axis];
            }
        }
        return count;
    }

    private int[] index(long number, int last, int across) {
        int[] index = new int[last];
        for (int axis = last - 1; axis >= 0; axis--) {
            if (axis != across) {
                index[axis] = (int) (number % dims[axis]);
                number /= dims[axis];
            }
        }
        return index;
    }

    /** Source and target element of index {@code number} of the axes that {@link #outer} counts. */
    private long[] position(long number, int last, int across, long fromOffset, long toOffset) {
        int[] index = index(number, last, across);
        long[] at = {fromOffset, toOffset};
        for (int axis = 0; axis < last; axis++) {
            at[0] += index[axis] * from[axis];
            at[1] += index[axis] * to[axis];
        }
        return at;
    }
}
