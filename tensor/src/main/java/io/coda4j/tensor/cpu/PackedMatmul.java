package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.KC;
import static io.coda4j.tensor.cpu.MicroKernel.MR;
import static io.coda4j.tensor.cpu.MicroKernel.NR;
import static io.coda4j.tensor.cpu.MicroKernel.ROW;

import java.lang.foreign.MemorySegment;

/**
 * Products with a frozen weight, whose panels are packed once and for all: [M,K] times the transpose of [N,K].
 *
 * <p>What is left to pack are the rows, some hundred at a time and once for all tasks. Then each task computes one block of
 * the result. Like {@link MatmulKernel}, it sums steps of the depth in ascending order.
 */
final class PackedMatmul {
    /** Rows below which reading the weight as it lies, by {@link MatmulDots}, is as fast. */
    static final int LEAST = 4;

    /** Floats of rows packed at a time: four blocks of rows at a depth of 6,144, so that a panel from memory serves many. */
    private static final int PACKED = 1 << 23;

    private static final int ENOUGH = 32;
    private static final long SMALL = 1 << 18;

    private final MatmulOperand left;
    private final int columns;
    private final Parallel parallel;
    private final MatmulScratch scratch;
    private final int step;
    private final int steps;
    private final int blockColumns;
    private final int together;

    /** Rows {@code left}, against a weight with {@code columns} columns. */
    PackedMatmul(MatmulOperand left, int columns, Parallel parallel, MatmulScratch scratch) {
        this.left = left;
        this.columns = columns;
        this.parallel = parallel;
        this.scratch = scratch;
        this.step = MatmulBlocks.even(left.depth(), KC, 1);
        this.steps = MatmulBlocks.count(left.depth(), step);
        this.blockColumns = blockColumns();
        this.together = Math.min(left.outer(), Math.max(MR, PACKED / (steps * ROW)));
    }

    private int blockColumns() {
        int rowBlocks = MatmulBlocks.count(left.outer(), MatmulWorkspace.MAX_ROWS);
        int rows = Math.min(left.outer(), MatmulWorkspace.MAX_ROWS);
        int block = MatmulWorkspace.MAX_COLUMNS;
        while (block > 4 * NR
                && rowBlocks * MatmulBlocks.count(columns, block) < ENOUGH
                && (long) rows * block * left.depth() > SMALL) {
            block /= 2;
        }
        return MatmulBlocks.roundUp(block, NR);
    }

    /** One pass over some rows. */
    private record Run(
            MemorySegment left, PackedWeights weight, MemorySegment result, int first, int rows, float[] packed) {}

    void run(MemorySegment lhs, PackedWeights weight, MemorySegment result) {
        int block = rowBlock(together);
        float[] packed = scratch.lefts().borrow(MatmulBlocks.roundUp(together, block) * steps * ROW);
        try {
            for (int first = 0; first < left.outer(); first += together) {
                int rows = Math.min(together, left.outer() - first);
                run(new Run(lhs, weight, result, first, rows, packed));
            }
        } finally {
            scratch.lefts().giveBack(packed);
        }
    }

    /** Rows of one task where {@code rows} are packed. */
    private static int rowBlock(int rows) {
        return MatmulBlocks.even(rows, MatmulWorkspace.MAX_ROWS, MR);
    }

    private void run(Run run) {
        int rowBlock = rowBlock(run.rows);
        int rowBlocks = MatmulBlocks.count(run.rows, rowBlock);
        parallel.forEach(rowBlocks * steps, task -> pack(run, task / steps * rowBlock, rowBlock, task % steps));
        parallel.forEach(rowBlocks * MatmulBlocks.count(columns, blockColumns), task -> {
            var workspace = scratch.workspaces().borrow();
            multiply(run, task % rowBlocks * rowBlock, rowBlock, task / rowBlocks * blockColumns, workspace);
            scratch.workspaces().giveBack(workspace);
        });
    }

    /** Where the packed rows of a block and a step begin. */
    private int packedAt(int row, int rowBlock, int index) {
        return (row * steps + index * rowBlock) * ROW;
    }

    private void pack(Run run, int row, int rowBlock, int index) {
        int rows = Math.min(rowBlock, run.rows - row);
        int depth = Math.min(step, left.depth() - index * step);
        long from = left.byteOffset(0, run.first + row, index * step);
        int at = packedAt(row, rowBlock, index);
        MatmulPack.leftRows(left.narrow(), run.left, from, left.outerBytes(), rows, depth, run.packed, at);
    }

    private void multiply(Run run, int row, int rowBlock, int column, MatmulWorkspace workspace) {
        int rows = Math.min(rowBlock, run.rows - row);
        int end = Math.min(columns, column + blockColumns);
        long stride = columns * (long) Float.BYTES;
        for (int index = 0; index < steps; index++) {
            int depth = Math.min(step, left.depth() - index * step);
            int from = packedAt(row, rowBlock, index);
            for (int c = column; c < end; c += NR) {
                long panel = run.weight.at(c / NR, index * step);
                long to = (run.first + row) * stride + c * (long) Float.BYTES;
                int width = Math.min(NR, end - c);
                var panels = run.weight.segment();
                if (run.weight.isHalf()) {
                    panels = workspace.sums.segment();
                    run.weight.widen(panel, depth, panels);
                    panel = 0;
                }
                column(run, panels, panel, from, rows, depth, to, width, index > 0, workspace.tile);
            }
        }
    }

    /** All rows of a block against one panel, which stays in the first-level cache. */
    private void column(
            Run run,
            MemorySegment panels,
            long panel,
            int from,
            int rows,
            int depth,
            long to,
            int width,
            boolean add,
            float[] tile) {
        long stride = columns * (long) Float.BYTES;
        int tall;
        for (int r = 0; r < rows; r += tall) {
            tall = MicroKernel.tileRows(rows - r);
            if (run.weight.narrow()) {
                MicroKernel.narrowRows(tall, depth, run.packed, from + r * ROW, panels, panel, tile);
            } else {
                MicroKernel.rows(tall, depth, run.packed, from + r * ROW, panels, panel, tile);
            }
            MatmulTile.put(tile, run.result, to + r * stride, stride, Math.min(tall, rows - r), width, add);
        }
    }
}
