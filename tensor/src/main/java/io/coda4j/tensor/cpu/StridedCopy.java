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

    /** The axis along which the source is dense where the result is along the last, or -1. */
    private final int across;

    private final int tasks;
    private final Parallel.Task task;

    // The operand and the result of the run, which its tasks read, and the element of each at which it starts.
    private MemorySegment x = MemorySegment.NULL;
    private MemorySegment y = MemorySegment.NULL;
    private long fromOffset;
    private long toOffset;

    private StridedCopy(int[] dims, long[] from, long[] to, int width) {
        this.dims = dims;
        this.from = from;
        this.to = to;
        this.width = width;
        int last = dims.length - 1;
        this.across = from[last] > 1 ? axisOfStride1() : -1;
        long work;
        if (Arrays.stream(dims).anyMatch(dim -> dim == 0)) {
            work = 0;
            task = _ -> {};
        } else if (across >= 0) {
            work = Math.ceilDiv(outer() * bands(), bandsOfTask());
            task = this::transposes;
        } else if (dims[last] >= PIECE) {
            work = outer() * parts();
            task = this::partOfRun;
        } else {
            work = Math.ceilDiv(outer(), runsOfTask());
            task = this::manyRuns;
        }
        this.tasks = Math.toIntExact(work);
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

    /** Copies from element {@code source} of {@code operand} to element {@code target} of {@code result}. */
    void run(Parallel parallel, MemorySegment operand, long source, MemorySegment result, long target) {
        x = operand;
        y = result;
        fromOffset = source;
        toOffset = target;
        parallel.forEach(tasks, task);
    }

    private int axisOfStride1() {
        for (int axis = dims.length - 2; axis >= 0; axis--) {
            if (from[axis] == 1) {
                return axis;
            }
        }
        return -1;
    }

    private int parts() {
        return Math.ceilDiv(dims[dims.length - 1], PIECE);
    }

    /** One task is a part of a long run of the last axis. */
    private void partOfRun(int number) {
        int last = dims.length - 1;
        int run = number / parts();
        int part = number % parts() * PIECE;
        long source = fromOffset + element(run, from) + part * from[last];
        long target = toOffset + element(run, to) + part * to[last];
        run(source, target, Math.min(PIECE, dims[last] - part));
    }

    private int runsOfTask() {
        return Math.max(1, PIECE / dims[dims.length - 1]);
    }

    /** One task is some whole runs of the last axis; it counts up the outer axes like a clock. */
    private void manyRuns(int number) {
        int last = dims.length - 1;
        long first = (long) number * runsOfTask();
        long end = Math.min(outer(), first + runsOfTask());
        int[] index = index(first);
        long source = fromOffset + element(first, from);
        long target = toOffset + element(first, to);
        for (long i = first; i < end; i++) {
            run(source, target, dims[last]);
            for (int axis = last - 1; axis >= 0; axis--) {
                source += from[axis];
                target += to[axis];
                if (++index[axis] < dims[axis]) {
                    break;
                }
                source -= from[axis] * dims[axis];
                target -= to[axis] * dims[axis];
                index[axis] = 0;
            }
        }
    }

    private void run(long source, long target, int n) {
        int last = dims.length - 1;
        if (from[last] == 1 && to[last] == 1) {
            MemorySegment.copy(x, source * width, y, target * width, (long) n * width);
        } else if (from[last] == 0 && to[last] == 1) {
            Movement.repeat(x, source * width, y, target * width, n, width);
        } else {
            strided(source * width, from[last] * width, target * width, to[last] * width, n);
        }
    }

    private void strided(long source, long step, long target, long stride, int n) {
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

    private int bands() {
        return Math.ceilDiv(dims[across], TILE);
    }

    private int bandsOfTask() {
        return Math.max(1, PIECE / (TILE * dims[dims.length - 1]));
    }

    /**
     * The source is dense along axis {@link #across} and the result along the last: square tiles of the two, so that
     * each cache line is fetched once. One task is some rows of tiles.
     */
    private void transposes(int number) {
        int last = dims.length - 1;
        long end = Math.min(outer() * bands(), (number + 1L) * bandsOfTask());
        for (long band = (long) number * bandsOfTask(); band < end; band++) {
            int first = (int) (band % bands()) * TILE;
            long source = fromOffset + element(band / bands(), from) + first;
            long target = toOffset + element(band / bands(), to) + first * to[across];
            int rows = Math.min(TILE, dims[across] - first);
            for (int column = 0; column < dims[last]; column += TILE) {
                int columns = Math.min(TILE, dims[last] - column);
                tile(source + column * from[last], target + column * to[last], rows, columns);
            }
        }
    }

    private void tile(long source, long target, int rows, int columns) {
        int last = dims.length - 1;
        for (int row = 0; row < rows; row++) {
            strided(
                    (source + row) * width,
                    from[last] * width,
                    (target + row * to[across]) * width,
                    to[last] * width,
                    columns);
        }
    }

    /** The number of indices of all axes before the last but {@link #across}. */
    private long outer() {
        long count = 1;
        for (int axis = 0; axis < dims.length - 1; axis++) {
            if (axis != across) {
                count *= dims[axis];
            }
        }
        return count;
    }

    /** Index {@code number} of the axes before the last. */
    private int[] index(long number) {
        int[] index = Scratch.ofThread().index(dims.length - 1);
        for (int axis = dims.length - 2; axis >= 0; axis--) {
            index[axis] = (int) (number % dims[axis]);
            number /= dims[axis];
        }
        return index;
    }

    /** The element at index {@code number} of the axes that {@link #outer} counts, for axes at these strides. */
    private long element(long number, long[] strides) {
        long element = 0;
        for (int axis = dims.length - 2; axis >= 0; axis--) {
            if (axis != across) {
                element += number % dims[axis] * strides[axis];
                number /= dims[axis];
            }
        }
        return element;
    }
}
