package io.coda4j.tensor.cpu;

import io.coda4j.tensor.Primitive.QuantizedLinear;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link QuantizedLinear} with rounded activations in the words of the Vector API, which has no product of bytes: rows and
 * weights become F32, in which sums of some depths are exact, and these are added as integers. It reads the weight as it lies.
 */
final class QuantizedDots {
    /** Depths whose sums F32 holds exactly: 1024 * 127 * 128 is less than 2^24. */
    private static final int EXACT = 1024;

    /** Rows against which a column of the weight is widened once. */
    private static final int ROWS = 4;

    /** Columns of a task. */
    private static final int TASK_COLUMNS = 32;

    /** Rows that are rounded at a time. */
    private static final int TOGETHER = 64;

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    private final int allRows;
    private final int columns;
    private final int depth;
    private final Parallel parallel;
    private final MatmulContext context;
    private final int together;
    private final Parallel.Task quantize = this::quantize;
    private final Parallel.Task multiply = this::multiply;

    // What the tasks of the moment work on, as addresses.
    private long left;
    private long right;
    private long scale;
    private long result;
    private long packed;
    private int firstRow;
    private int rows;

    /** x[rows,depth] against a weight[columns,depth]. */
    QuantizedDots(int rows, int columns, int depth, Parallel parallel, MatmulContext context) {
        this.allRows = rows;
        this.columns = columns;
        this.depth = depth;
        this.parallel = parallel;
        this.context = context;
        this.together = MatmulBlocks.roundUp(Math.min(rows, TOGETHER), ROWS);
    }

    void run(MemorySegment x, MemorySegment weight, MemorySegment scales, MemorySegment y) {
        var block = context.memory().borrow(4L * together * (depth + 1));
        try {
            left = LaneLoop.address(x, 4L * allRows * depth);
            right = LaneLoop.address(weight, (long) columns * depth);
            scale = LaneLoop.address(scales, 4L * columns);
            result = LaneLoop.address(y, 4L * allRows * columns);
            packed = block.segment().address();
            for (firstRow = 0; firstRow < allRows; firstRow += together) {
                rows = Math.min(together, allRows - firstRow);
                parallel.forEach(rows, quantize);
                parallel.forEach(MatmulBlocks.count(columns, TASK_COLUMNS), multiply);
            }
        } finally {
            context.memory().giveBack(block);
        }
    }

    private long row(int row) {
        return packed + 4L * row * depth;
    }

    /** Behind the rows. */
    private long stepAt(int row) {
        return packed + 4L * ((long) together * depth + row);
    }

    private void quantize(int row) {
        long from = left + 4L * (firstRow + row) * depth;
        float step = QuantizedRows.step(from, depth);
        Lanes.ALL.set(ValueLayout.JAVA_FLOAT_UNALIGNED, stepAt(row), step);
        QuantizedRows.floats(from, depth, step, row(row));
    }

    private void multiply(int task) {
        int[] sums = new int[ROWS];
        int end = Math.min(columns, (task + 1) * TASK_COLUMNS);
        for (int column = task * TASK_COLUMNS; column < end; column++) {
            long weight = right + (long) column * depth;
            float factor = Lanes.ALL.get(ValueLayout.JAVA_FLOAT_UNALIGNED, scale + 4L * column);
            for (int row = 0; row < rows; row += ROWS) {
                // Rows behind the last are memory of unspecified content, whose sums nobody reads.
                sums(row(row), weight, sums);
                for (int r = 0; r < Math.min(ROWS, rows - row); r++) {
                    put(row + r, column, sums[r], factor);
                }
            }
        }
    }

    private void put(int row, int column, int sum, float factor) {
        float step = Lanes.ALL.get(ValueLayout.JAVA_FLOAT_UNALIGNED, stepAt(row));
        long at = result + 4L * ((long) (firstRow + row) * columns + column);
        Lanes.ALL.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at, sum * step * factor);
    }

    /** The sums of four rows with one column. */
    private void sums(long row, long weight, int[] sums) {
        Arrays.fill(sums, 0);
        for (int k = 0; k < depth; k += EXACT) {
            part(row + 4L * k, 4L * depth, weight + k, Math.min(EXACT, depth - k), sums);
        }
    }

    private static void part(long row, long stride, long weight, int depth, int[] sums) {
        var a = FloatVector.zero(Lanes.F32);
        var b = FloatVector.zero(Lanes.F32);
        var c = FloatVector.zero(Lanes.F32);
        var d = FloatVector.zero(Lanes.F32);
        int k = 0;
        for (; k + Lanes.BOOL.length() <= depth; k += Lanes.COUNT) {
            var w = (FloatVector) ByteVector.fromMemorySegment(Lanes.BOOL, Lanes.ALL, weight + k, ORDER)
                    .convertShape(VectorOperators.B2F, Lanes.F32, 0);
            long at = row + k * 4L;
            a = Lanes.load(at).fma(w, a);
            b = Lanes.load(at + stride).fma(w, b);
            c = Lanes.load(at + 2 * stride).fma(w, c);
            d = Lanes.load(at + 3 * stride).fma(w, d);
        }
        sums[0] += (int) Lanes.sum(a);
        sums[1] += (int) Lanes.sum(b);
        sums[2] += (int) Lanes.sum(c);
        sums[3] += (int) Lanes.sum(d);
        for (; k < depth; k++) {
            byte w = Lanes.ALL.get(ValueLayout.JAVA_BYTE, weight + k);
            for (int r = 0; r < ROWS; r++) {
                sums[r] += w * (int) Lanes.ALL.get(ValueLayout.JAVA_FLOAT_UNALIGNED, row + r * stride + k * 4L);
            }
        }
    }
}
