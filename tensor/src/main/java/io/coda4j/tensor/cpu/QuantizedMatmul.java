package io.coda4j.tensor.cpu;

import io.coda4j.tensor.Primitive.QuantizedLinear;
import io.coda4j.tensor.cpu.x86.PanelProduct;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * {@link QuantizedLinear} with rounded activations and a frozen weight by machine code: the rows are rounded once for all
 * tasks, each task forms the exact sums of one block, panel by panel, and scales them on their way to the result.
 */
final class QuantizedMatmul {
    private static final int COLUMNS = PanelProduct.COLUMNS;
    private static final int SUMS_STRIDE = COLUMNS * Integer.BYTES;

    /** Rows of a task: those of depth 2,048 take 400 KB in words of 16 bits. */
    private static final int TASK_ROWS = 96;

    private final PanelProduct product;
    private final int allRows;
    private final int depth;
    private final int columns;
    private final Parallel parallel;
    private final MatmulContext context;
    private final int steps;
    private final long rowStride;
    private final long panelBytes;
    private final int panelCount;
    private final int rowsTogether;
    private final int rowBlock;
    private final int taskPanels;

    private final Parallel.Task quantize = this::quantize;
    private final Parallel.Task multiply = this::multiply;

    // What the tasks of the moment work on.
    private MemorySegment left = MemorySegment.NULL;
    private MemorySegment panels = MemorySegment.NULL;
    private MemorySegment scales = MemorySegment.NULL;
    private MemorySegment result = MemorySegment.NULL;
    private MemorySegment packed = MemorySegment.NULL;
    private int firstRow;
    private int rows;

    /** x[rows,depth] against a weight[columns,depth], none of which is 0. */
    QuantizedMatmul(PanelProduct product, int rows, int columns, int depth, Parallel parallel, MatmulContext context) {
        this.product = product;
        this.allRows = rows;
        this.depth = depth;
        this.columns = columns;
        this.parallel = parallel;
        this.context = context;
        this.steps = BytePanels.steps(product.group(), depth);
        // A cache line more than whole steps: see PanelPack.
        this.rowStride = (steps + 1L) * PanelProduct.STEP_BYTES;
        this.panelBytes = BytePanels.panelBytes(product.group(), depth);
        var blocks = PanelBlocks.of(product, rows, columns, depth, rowStride, TASK_ROWS, parallel.threads());
        this.rowsTogether = blocks.rowsTogether();
        this.rowBlock = blocks.rowBlock();
        this.panelCount = blocks.panelCount();
        this.taskPanels = blocks.taskPanels();
    }

    void run(MemorySegment x, PackedWeights weight, MemorySegment scale, MemorySegment y) {
        var block = context.memory().borrow(rowsTogether * (rowStride + Float.BYTES));
        try {
            left = x.asSlice(0, 4L * allRows * depth);
            panels = weight.segment();
            scales = scale.asSlice(0, 4L * columns);
            result = y.asSlice(0, 4L * allRows * columns);
            packed = block.segment();
            for (firstRow = 0; firstRow < allRows; firstRow += rowsTogether) {
                rows = Math.min(rowsTogether, allRows - firstRow);
                int rowBlocks = MatmulBlocks.count(rows, rowBlock);
                parallel.forEach(rowBlocks, quantize);
                parallel.forEach(rowBlocks * MatmulBlocks.count(panelCount, taskPanels), multiply);
            }
        } finally {
            context.memory().giveBack(block);
        }
    }

    /** Behind the rows. */
    private long stepAt(int row) {
        return rowsTogether * rowStride + row * (long) Float.BYTES;
    }

    private void quantize(int task) {
        int end = Math.min(rows, (task + 1) * rowBlock);
        for (int row = task * rowBlock; row < end; row++) {
            long from = left.address() + 4L * (firstRow + row) * depth;
            long to = packed.address() + row * rowStride;
            float step = QuantizedRows.step(from, depth);
            packed.set(ValueLayout.JAVA_FLOAT, stepAt(row), step);
            int bytes = Integer.BYTES / product.group();
            if (bytes == Short.BYTES) {
                QuantizedRows.words(from, depth, step, to);
            } else {
                QuantizedRows.bytes(from, depth, step, product.rowOffset(), to);
            }
            long used = (long) depth * bytes;
            packed.asSlice(row * rowStride + used, rowStride - used).fill((byte) 0);
        }
    }

    private void multiply(int task) {
        int rowBlocks = MatmulBlocks.count(rows, rowBlock);
        int row = task % rowBlocks * rowBlock;
        int count = Math.min(rowBlock, rows - row);
        int panel = task / rowBlocks * taskPanels;
        int end = Math.min(panelCount, panel + taskPanels);
        // A single block of rows reads each panel once, as far as one call may go.
        int step = count <= product.blockRows() ? PanelProduct.MAX_STEPS : PanelBlocks.PART;
        var workspace = context.workspaces().borrow();
        var sums = workspace.sums.segment();
        for (int p = panel; p < end; p++) {
            for (int part = 0; part < steps; part += step) {
                product.multiply(
                        packed,
                        row * rowStride + part * (long) PanelProduct.STEP_BYTES,
                        rowStride,
                        panels,
                        p * panelBytes + part * (long) product.panelStepBytes(),
                        sums,
                        0,
                        SUMS_STRIDE,
                        count,
                        Math.min(step, steps - part),
                        part > 0);
            }
            put(sums, row, count, p);
        }
        context.workspaces().giveBack(workspace);
    }

    /** The sums of a panel, scaled, into the result. */
    private void put(MemorySegment sums, int row, int count, int panel) {
        int width = Math.min(COLUMNS, columns - panel * COLUMNS);
        long columnSums = panels.address() + (panel + 1) * panelBytes - SUMS_STRIDE;
        long scale = scales.address() + 4L * panel * COLUMNS;
        for (int r = 0; r < count; r++) {
            float step = packed.get(ValueLayout.JAVA_FLOAT, stepAt(row + r));
            long from = sums.address() + (long) r * SUMS_STRIDE;
            long to = result.address() + 4L * ((long) (firstRow + row + r) * columns + panel * COLUMNS);
            if (width == COLUMNS) {
                put(from, columnSums, product.rowOffset(), step, scale, to);
            } else {
                for (int c = 0; c < width; c++) {
                    int sum = integer(from, c) - product.rowOffset() * integer(columnSums, c);
                    float factor = Lanes.ALL.get(ValueLayout.JAVA_FLOAT_UNALIGNED, scale + 4L * c);
                    Lanes.ALL.set(ValueLayout.JAVA_FLOAT_UNALIGNED, to + 4L * c, sum * step * factor);
                }
            }
        }
    }

    private static int integer(long at, int index) {
        return Lanes.ALL.get(ValueLayout.JAVA_INT_UNALIGNED, at + 4L * index);
    }

    /** One row of 32 sums, from which the offset's part is taken off. */
    private static void put(long sums, long columnSums, int offset, float step, long scale, long to) {
        for (int c = 0; c < COLUMNS; c += Lanes.COUNT) {
            var exact = Lanes.loadInts(sums + c * 4L)
                    .sub(Lanes.loadInts(columnSums + c * 4L).mul(offset));
            var value = ((FloatVector) exact.convert(VectorOperators.I2F, 0))
                    .mul(step)
                    .mul(Lanes.load(scale + c * 4L));
            Lanes.store(value, to + c * 4L);
        }
    }
}
