package io.coda4j.tensor.cpu;

import io.coda4j.tensor.cpu.x86.PanelProduct;
import java.lang.foreign.MemorySegment;

/**
 * Products of BF16 operands by machine code.
 *
 * <p>Rows are packed once for all tasks, and panels some megabytes at a time unless they are a frozen weight's. Each task
 * computes one block of the result, in parts of the depth that are added in ascending order.
 */
final class PanelMatmul implements Matmul.Product {
    private static final int COLUMNS = PanelProduct.COLUMNS;

    /** Bytes of panels that are packed at a time at most. */
    private static final long PACKED_PANELS = 16L << 20;

    private final PanelProduct product;
    private final MatmulOperand left;
    private final MatmulOperand right;
    private final Parallel parallel;
    private final MatmulContext context;
    private final int steps;
    private final long rowStride;
    private final long panelBytes;
    private final int panelCount;
    private final int rowsTogether;
    private final int panelsTogether;
    private final int rowBlock;
    private final int taskPanels;

    private final Parallel.Task packRows = this::packRows;
    private final Parallel.Task packPanel = this::packPanel;
    private final Parallel.Task multiply = this::multiply;

    // What the tasks of the moment work on.
    private MemorySegment lhs = MemorySegment.NULL;
    private MemorySegment rhs = MemorySegment.NULL;
    private MemorySegment result = MemorySegment.NULL;
    private MemorySegment packed = MemorySegment.NULL;
    private MemorySegment panels = MemorySegment.NULL;
    private long panelsAt;
    private int batch;
    private int firstRow;
    private int rows;
    private int firstPanel;
    private int panelsNow;

    PanelMatmul(
            PanelProduct product, MatmulOperand left, MatmulOperand right, Parallel parallel, MatmulContext context) {
        this.product = product;
        this.left = left;
        this.right = right;
        this.parallel = parallel;
        this.context = context;
        this.steps = PanelPack.steps(left.depth());
        this.rowStride = PanelPack.rowStride(left.depth());
        this.panelBytes = PanelPack.panelBytes(left.depth());
        var blocks = PanelBlocks.of(
                product,
                left.outer(),
                right.outer(),
                left.depth(),
                rowStride,
                MatmulWorkspace.MAX_ROWS,
                parallel.threads());
        this.rowsTogether = blocks.rowsTogether();
        this.rowBlock = blocks.rowBlock();
        this.panelCount = blocks.panelCount();
        this.taskPanels = blocks.taskPanels();
        this.panelsTogether = Math.clamp(PACKED_PANELS / panelBytes, 1, panelCount);
    }

    @Override
    public void run(MemorySegment first, MemorySegment second, MemorySegment to) {
        long rowBytes = rowsTogether * rowStride;
        var block = context.memory().borrow(rowBytes + panelsTogether * panelBytes);
        try {
            start(first, to, block);
            rhs = second;
            panels = block.segment();
            panelsAt = rowBytes;
            for (batch = 0; batch < left.batch().length; batch++) {
                for (firstRow = 0; firstRow < left.outer(); firstRow += rowsTogether) {
                    packRows();
                    for (firstPanel = 0; firstPanel < panelCount; firstPanel += panelsTogether) {
                        panelsNow = Math.min(panelsTogether, panelCount - firstPanel);
                        parallel.forEach(panelsNow, packPanel);
                        multiply();
                    }
                }
            }
        } finally {
            context.memory().giveBack(block);
        }
    }

    /** As {@link #run(MemorySegment, MemorySegment, MemorySegment)}, with the panels of a frozen weight. */
    void run(MemorySegment first, PackedWeights weight, MemorySegment to) {
        var block = context.memory().borrow(rowsTogether * rowStride);
        try {
            start(first, to, block);
            panels = weight.segment();
            panelsAt = 0;
            batch = 0;
            firstPanel = 0;
            panelsNow = panelCount;
            for (firstRow = 0; firstRow < left.outer(); firstRow += rowsTogether) {
                packRows();
                multiply();
            }
        } finally {
            context.memory().giveBack(block);
        }
    }

    private void start(MemorySegment first, MemorySegment to, NativeScratch.Block block) {
        lhs = first;
        result = to;
        packed = block.segment();
    }

    private void packRows() {
        rows = Math.min(rowsTogether, left.outer() - firstRow);
        parallel.forEach(MatmulBlocks.count(rows, rowBlock), packRows);
    }

    private void packRows(int task) {
        var workspace = context.workspaces().borrow();
        int row = task * rowBlock;
        int count = Math.min(rowBlock, rows - row);
        long at = row * rowStride;
        PanelPack.rows(left, lhs, batch, firstRow + row, count, packed, at, workspace.turn.array(), workspace.block);
        context.workspaces().giveBack(workspace);
    }

    private void packPanel(int index) {
        var workspace = context.workspaces().borrow();
        long at = panelsAt + index * panelBytes;
        PanelPack.panel(right, rhs, batch, (firstPanel + index) * COLUMNS, panels, at, workspace.block);
        context.workspaces().giveBack(workspace);
    }

    private void multiply() {
        int rowBlocks = MatmulBlocks.count(rows, rowBlock);
        parallel.forEach(rowBlocks * MatmulBlocks.count(panelsNow, taskPanels), multiply);
    }

    private void multiply(int task) {
        int rowBlocks = MatmulBlocks.count(rows, rowBlock);
        int row = task % rowBlocks * rowBlock;
        int count = Math.min(rowBlock, rows - row);
        int panel = task / rowBlocks * taskPanels;
        int end = Math.min(panelsNow, panel + taskPanels);
        // The last panel may have columns that the result has not.
        int whole = Math.min(end, right.outer() / COLUMNS - firstPanel);
        // A single block of rows reads each panel once, as far as one call may go.
        int step = count <= product.blockRows() ? PanelProduct.MAX_STEPS : PanelBlocks.PART;
        for (int part = 0; part < steps; part += step) {
            int size = Math.min(step, steps - part);
            for (int p = panel; p < whole; p++) {
                part(row, count, p, part, size, result, resultAt(row, p), resultStride());
            }
        }
        if (whole < end) {
            edge(row, count, whole);
        }
    }

    /** The sums of the last panel go to the workspace first. */
    private void edge(int row, int count, int panel) {
        var workspace = context.workspaces().borrow();
        var sums = workspace.sums.segment();
        long stride = COLUMNS * (long) Float.BYTES;
        for (int part = 0; part < steps; part += PanelBlocks.PART) {
            part(row, count, panel, part, Math.min(PanelBlocks.PART, steps - part), sums, 0, stride);
        }
        long bytes = right.outer() % COLUMNS * (long) Float.BYTES;
        for (int r = 0; r < count; r++) {
            MemorySegment.copy(sums, r * stride, result, resultAt(row, panel) + r * resultStride(), bytes);
        }
        context.workspaces().giveBack(workspace);
    }

    /** The product of {@code count} rows and {@code size} steps of a panel from step {@code part} on. */
    private void part(int row, int count, int panel, int part, int size, MemorySegment to, long at, long stride) {
        product.multiply(
                packed,
                row * rowStride + part * (long) PanelProduct.STEP_BYTES,
                rowStride,
                panels,
                panelsAt + panel * panelBytes + part * (long) PanelProduct.PANEL_STEP_BYTES,
                to,
                at,
                stride,
                count,
                size,
                part > 0);
    }

    private long resultStride() {
        return right.outer() * (long) Float.BYTES;
    }

    private long resultAt(int row, int panel) {
        long line = (long) batch * left.outer() + firstRow + row;
        return line * resultStride() + (firstPanel + panel) * (long) COLUMNS * Float.BYTES;
    }
}
