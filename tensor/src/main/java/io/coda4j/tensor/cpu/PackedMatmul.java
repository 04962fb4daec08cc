package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.KC;
import static io.coda4j.tensor.cpu.MicroKernel.MR;
import static io.coda4j.tensor.cpu.MicroKernel.NR;
import static io.coda4j.tensor.cpu.MicroKernel.ROW;

import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Products with a frozen weight, whose panels are packed once and for all: [M,K] times the transpose of [N,K]; and with weights of
 * either form that are not packed.
 *
 * <p>What is left to pack are the rows, some hundred at a time and once for all tasks. Then each task computes one block of
 * the result. Like {@link MatmulKernel}, it sums steps of the depth in ascending order.
 *
 * <p>A weight without panels, [N,K] or [K,N], is read as it lies: each task packs a strip of it for all rows. The bits are the same.
 */
final class PackedMatmul {
    /** Rows below which reading the weight as it lies, by {@link MatmulDots}, is as fast. */
    static final int LEAST = 4;

    /** Floats of rows packed at a time: four blocks of rows at a depth of 6,144, so that a panel from memory serves many. */
    private static final int PACKED = 1 << 23;

    private static final long SMALL = 1 << 18;

    /** Columns of a strip at most: a step of it and a step of the rows lie in the second-level cache together. */
    private static final int STRIP = 128;

    /** The same of a weight whose columns lie side by side: they are copied in runs, which are to be long. */
    private static final int WIDE_STRIP = 256;

    private final MatmulOperand left;
    private final int columns;
    private final Parallel parallel;
    private final MatmulContext context;
    private final MacroKernel kernel;
    private final int step;
    private final int steps;
    private final int blockColumns;
    private final int together;
    private final Parallel.Task packing = this::packTask;
    private final Parallel.Task multiplying = this::multiplyTask;
    private final Parallel.Task stripping = this::stripTask;

    // What the tasks of the moment work on: the operands of the run, and the rows that are packed.
    private MemorySegment from = MemorySegment.NULL;
    private @Nullable PackedWeights weight;
    private @Nullable MatmulOperand unpacked;
    private MemorySegment unpackedFrom = MemorySegment.NULL;
    private MemorySegment result = MemorySegment.NULL;
    private HeapScratch.Block packed = HeapScratch.Block.of(0);
    private int first;
    private int rows;
    private int rowBlock;
    private int rowBlocks;
    private int stripColumns;

    /** Rows {@code left}, against a weight with {@code columns} columns. */
    PackedMatmul(MatmulOperand left, int columns, Parallel parallel, MatmulContext context) {
        this.left = left;
        this.columns = columns;
        this.parallel = parallel;
        this.context = context;
        this.kernel = context.macroKernel();
        this.step = MatmulBlocks.even(left.depth(), KC, 1);
        this.steps = MatmulBlocks.count(left.depth(), step);
        this.blockColumns = blockColumns();
        this.together = Math.min(left.outer(), Math.max(MR, PACKED / (steps * ROW)));
    }

    private int stripColumns(MatmulOperand right) {
        int strip = right.depthContiguous() ? STRIP : WIDE_STRIP;
        while (strip > 2 * NR && MatmulBlocks.count(columns, strip) < MatmulBlocks.enough(parallel.threads())) {
            strip /= 2;
        }
        return strip;
    }

    private int blockColumns() {
        int rowBlocks = MatmulBlocks.count(left.outer(), MatmulWorkspace.MAX_ROWS);
        int rows = Math.min(left.outer(), MatmulWorkspace.MAX_ROWS);
        int block = MatmulWorkspace.MAX_COLUMNS;
        while (block > 4 * NR
                && rowBlocks * MatmulBlocks.count(columns, block) < MatmulBlocks.enough(parallel.threads())
                && (long) rows * block * left.depth() > SMALL) {
            block /= 2;
        }
        return MatmulBlocks.roundUp(block, NR);
    }

    void run(MemorySegment lhs, PackedWeights panels, MemorySegment product) {
        weight = panels;
        run(lhs, product);
    }

    /** With the weight {@code right}, one matrix, in {@code rhs} as it lies. */
    void run(MemorySegment lhs, MatmulOperand right, MemorySegment rhs, MemorySegment product) {
        weight = null;
        unpacked = right;
        unpackedFrom = rhs;
        stripColumns = stripColumns(right);
        run(lhs, product);
    }

    private void run(MemorySegment lhs, MemorySegment product) {
        from = lhs;
        result = product;
        packed = context.lefts().borrow(MatmulBlocks.roundUp(together, rowBlock(together)) * steps * ROW);
        try {
            for (first = 0; first < left.outer(); first += together) {
                rows = Math.min(together, left.outer() - first);
                rowBlock = rowBlock(rows);
                rowBlocks = MatmulBlocks.count(rows, rowBlock);
                parallel.forEach(rowBlocks * steps, packing);
                if (weight == null) {
                    parallel.forEach(MatmulBlocks.count(columns, stripColumns), stripping);
                } else {
                    parallel.forEach(rowBlocks * MatmulBlocks.count(columns, blockColumns), multiplying);
                }
            }
        } finally {
            context.lefts().giveBack(packed);
        }
    }

    /** Rows of one task where {@code rows} are packed. */
    private static int rowBlock(int rows) {
        return MatmulBlocks.even(rows, MatmulWorkspace.MAX_ROWS, MR);
    }

    private void packTask(int task) {
        pack(task / steps * rowBlock, task % steps);
    }

    private void multiplyTask(int task) {
        var workspace = context.workspaces().borrow();
        var panels = Objects.requireNonNull(weight);
        multiply(panels, task % rowBlocks * rowBlock, task / rowBlocks * blockColumns, workspace);
        context.workspaces().giveBack(workspace);
    }

    /** Where the packed rows of a block and a step begin. */
    private int packedAt(int row, int index) {
        return (row * steps + index * rowBlock) * ROW;
    }

    private void pack(int row, int index) {
        int tall = Math.min(rowBlock, rows - row);
        int depth = Math.min(step, left.depth() - index * step);
        long source = left.byteOffset(0, first + row, index * step);
        int at = packedAt(row, index);
        MatmulPack.leftRows(left.narrow(), from, source, left.outerBytes(), tall, depth, packed, at);
    }

    private void multiply(PackedWeights panels, int row, int column, MatmulWorkspace workspace) {
        int tall = Math.min(rowBlock, rows - row);
        int end = Math.min(columns, column + blockColumns);
        long stride = columns * (long) Float.BYTES;
        for (int index = 0; index < steps; index++) {
            int depth = Math.min(step, left.depth() - index * step);
            int at = packedAt(row, index);
            for (int c = column; c < end; c += NR) {
                long to = (first + row) * stride + c * (long) Float.BYTES;
                int width = Math.min(NR, end - c);
                long panel = panels.at(c / NR, index * step);
                long next = c + NR < end ? panels.at(c / NR + 1, index * step) : -1;
                var segment = panels.segment();
                if (panels.isHalf()) {
                    segment = workspace.sums.segment();
                    panels.widen(panel, depth, segment);
                    panel = 0;
                    next = -1;
                }
                boolean narrow = panels.narrow();
                kernel.rows(
                        packed,
                        at,
                        tall,
                        depth,
                        narrow,
                        segment,
                        panel,
                        next,
                        result,
                        to,
                        stride,
                        width,
                        index > 0,
                        workspace.tiles);
            }
        }
    }

    private void stripTask(int task) {
        var workspace = context.workspaces().borrow();
        int column = task * stripColumns;
        multiplyStrip(Objects.requireNonNull(unpacked), column, Math.min(columns, column + stripColumns), workspace);
        context.workspaces().giveBack(workspace);
    }

    private void multiplyStrip(MatmulOperand right, int column, int end, MatmulWorkspace workspace) {
        // Columns side by side become panels of F32 in either type, as in MatmulKernel.
        var layout = right.depthContiguous() ? PackedWeights.Layout.vector(right) : PackedWeights.Layout.WIDE;
        boolean narrow = layout == PackedWeights.Layout.NARROW;
        var block = workspace.scratch.borrow(stripColumns / NR * layout.panelBytes(step));
        var panels = block.segment();
        long stride = columns * (long) Float.BYTES;
        for (int index = 0; index < steps; index++) {
            int depth = Math.min(step, left.depth() - index * step);
            long panelBytes = layout.panelBytes(depth);
            packStrip(right, layout, column, end, index * step, depth, panels, workspace);
            for (int row = 0; row < rows; row += rowBlock) {
                int at = packedAt(row, index);
                int tall = Math.min(rowBlock, rows - row);
                for (int c = column; c < end; c += NR) {
                    long panel = (c - column) / NR * panelBytes;
                    long next = c + NR < end ? panel + panelBytes : -1;
                    long to = (first + row) * stride + c * (long) Float.BYTES;
                    int width = Math.min(NR, end - c);
                    kernel.rows(
                            packed,
                            at,
                            tall,
                            depth,
                            narrow,
                            panels,
                            panel,
                            next,
                            result,
                            to,
                            stride,
                            width,
                            index > 0,
                            workspace.tiles);
                }
            }
        }
        workspace.scratch.giveBack(block);
    }

    /** Packs {@code depth} steps, from {@code k} on, of the columns from {@code column} to {@code end}. */
    private void packStrip(
            MatmulOperand right,
            PackedWeights.Layout layout,
            int column,
            int end,
            int k,
            int depth,
            MemorySegment panels,
            MatmulWorkspace workspace) {
        if (!right.depthContiguous()) {
            long source = right.byteOffset(0, column, k);
            MatmulPack.panels(right.narrow(), unpackedFrom, source, right.depthBytes(), end - column, depth, panels, 0);
            return;
        }
        for (int c = column; c < end; c += NR) {
            long source = right.byteOffset(0, c, k);
            long panel = (c - column) / NR * layout.panelBytes(depth);
            int width = Math.min(NR, end - c);
            PackedWeights.packStep(
                    layout, unpackedFrom, source, right.outerBytes(), width, depth, panels, panel, workspace);
        }
    }
}
