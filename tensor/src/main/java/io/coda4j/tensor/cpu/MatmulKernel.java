package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.NR;

import io.coda4j.tensor.cpu.x86.TileProduct;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Products of packed operands.
 *
 * <p>The right operand is packed into shared panels, some megabytes at a time; then each task computes one block of the
 * result, packing the left rows that it needs, unless machine code can read them where they lie. The depth is cut into
 * steps that depend on the depth alone and are summed in ascending order, so results do not depend on the tasks.
 *
 * <p>The side called right is the one cheaper to have as panels: where that is the first operand of the product, tasks
 * compute the transpose of their block and turn it at the end. Where rows of the result share sets of the cache, which
 * steps of the depth would load and store again and again, tasks keep their sums in memory of their own to the end.
 */
final class MatmulKernel implements Matmul.Product {
    /** Elements that one packing task moves at least. */
    private static final int PACK_TASK = 1 << 15;

    /** The greatest distance of left rows that are read in place whatever they meet. */
    private static final long IN_PLACE_BYTES = 2048;

    /** Columns of the result up to which rows further apart are read in place: copying them costs less the more columns they meet. */
    private static final int IN_PLACE_FAR_COLUMNS = 512;

    /** What the distance of such rows differs from pages by, at least, so that those of a tile do not lie in the same sets. */
    private static final long OFF_PAGE = 256;

    /** The greatest distance of steps of left columns that are read in place: a tile meets as many lines as it has steps. */
    private static final long IN_PLACE_STEP_BYTES = 1024;

    /** Columns of the result from which on copying left columns gains more than it costs. */
    private static final int IN_PLACE_COLUMNS = 256;

    /** Rows this far apart lie in the same sets of a first-level cache. */
    private static final long PAGE = 4096;

    /** Steps of the depth from which on keeping sums apart gains more than copying them costs. */
    private static final int APART_STEPS = 4;

    private final MatmulOperand left;
    private final MatmulOperand right;
    private final boolean turned;
    private final Parallel parallel;
    private final MatmulContext context;
    private final MacroKernel kernel;

    /** How the left rows lie where they are read in place; else they are packed. */
    private final TileProduct.@Nullable Left inPlace;

    private final MatmulBlocks blocks;

    /** Whether tasks keep their sums to the end of a span, though they are not turned. */
    private final boolean apart;

    private final int rowBlocks;
    private final int columnBlocks;
    private final int partColumns;
    private final int parts;
    private final int group;
    private final Parallel.Task packing = this::packTask;
    private final Parallel.Task multiplying = this::multiplyTask;

    // What the tasks of the moment work on: the operands of the run, and the units and the depth whose panels are
    // packed.
    private MemorySegment from = MemorySegment.NULL;
    private MemorySegment panelsFrom = MemorySegment.NULL;
    private MemorySegment result = MemorySegment.NULL;
    private MemorySegment panels = MemorySegment.NULL;
    private int firstUnit;
    private int units;
    private int firstK;

    /** {@code turned}: {@code left} is the second operand of the product. */
    MatmulKernel(MatmulOperand left, MatmulOperand right, boolean turned, Parallel parallel, MatmulContext context) {
        this.left = left;
        this.right = right;
        this.turned = turned;
        this.parallel = parallel;
        this.context = context;
        this.kernel = context.macroKernel();
        this.inPlace = kernel.readsInPlace() ? inPlace(left, right.outer()) : null;
        this.blocks = MatmulBlocks.of(
                left.batch().length, left.outer(), right.outer(), left.depth(), turned, parallel.threads());
        this.apart = !turned && resultRow() % PAGE == 0 && left.depth() >= APART_STEPS * blocks.step();
        this.rowBlocks = MatmulBlocks.count(left.outer(), blocks.rows());
        this.columnBlocks = MatmulBlocks.count(right.outer(), blocks.columns());
        // Columns side by side are copied many at a time, for long runs of memory; others are transposed by panels.
        this.partColumns = right.depthContiguous() ? NR : MatmulWorkspace.MAX_COLUMNS;
        this.parts = MatmulBlocks.count(blocks.columns(), partColumns);
        this.group = Math.max(1, PACK_TASK / (Math.min(partColumns, blocks.columns()) * blocks.step()));
    }

    /** How {@code left} is read without a copy by {@code columns} columns, or null if it must be packed. */
    private static TileProduct.@Nullable Left inPlace(MatmulOperand left, int columns) {
        if (left.narrow()) {
            return null;
        }
        if (left.depthContiguous()) {
            return rowsInPlace(left.outerBytes(), columns);
        }
        long distance = left.depthBytes();
        boolean copied = distance > IN_PLACE_STEP_BYTES || columns >= IN_PLACE_COLUMNS;
        return copied ? null : TileProduct.Left.rows(Float.BYTES, distance);
    }

    /** How F32 rows {@code distance} bytes apart that meet {@code columns} columns are read, or null if they are better copied. */
    static TileProduct.@Nullable Left rowsInPlace(long distance, int columns) {
        long off = distance % PAGE;
        boolean spread = off >= OFF_PAGE && off <= PAGE - OFF_PAGE;
        boolean here = distance <= IN_PLACE_BYTES || columns <= IN_PLACE_FAR_COLUMNS && spread;
        return here ? TileProduct.Left.rows(distance, Float.BYTES) : null;
    }

    @Override
    public void run(MemorySegment lhs, MemorySegment rhs, MemorySegment product) {
        long unit = (long) blocks.columns() * blocks.span() * Float.BYTES;
        int all = left.batch().length * columnBlocks;
        int together = Math.min(all, blocks.units());
        var block = context.memory().borrow(together * unit);
        try {
            from = turned ? rhs : lhs;
            panelsFrom = turned ? lhs : rhs;
            result = product;
            panels = block.segment();
            for (firstK = 0; firstK < left.depth(); firstK += blocks.span()) {
                for (firstUnit = 0; firstUnit < all; firstUnit += together) {
                    units = Math.min(together, all - firstUnit);
                    parallel.forEach(MatmulBlocks.count(pieces(), group), packing);
                    parallel.forEach(units * rowBlocks, multiplying);
                }
            }
        } finally {
            context.memory().giveBack(block);
        }
    }

    private int span(int k) {
        return Math.min(blocks.span(), left.depth() - k);
    }

    private int step(int k) {
        return Math.min(blocks.step(), left.depth() - k);
    }

    /** The byte at which the panels of a step begin, {@code k} being counted from the start of the span. */
    private long panelAt(int unit, int k, int panel, int step) {
        long block = (long) unit * blocks.span() + k;
        return (block * blocks.columns() + (long) panel * NR * step) * Float.BYTES;
    }

    // Pieces are numbered (unit, step, part of the block's panels) and go to tasks in groups.
    private int pieces() {
        return units * steps() * parts;
    }

    private int steps() {
        return MatmulBlocks.count(span(firstK), blocks.step());
    }

    private void packTask(int task) {
        var workspace = context.workspaces().borrow();
        int end = Math.min(pieces(), (task + 1) * group);
        for (int piece = task * group; piece < end; piece++) {
            int unit = piece / (steps() * parts);
            int step = piece / parts % steps();
            pack(firstUnit + unit, unit, piece % parts, step * blocks.step(), workspace);
        }
        context.workspaces().giveBack(workspace);
    }

    private void pack(int unit, int slot, int part, int k, MatmulWorkspace workspace) {
        int first = part * partColumns;
        int column = unit % columnBlocks * blocks.columns() + first;
        int columns = Math.min(Math.min(partColumns, blocks.columns() - first), right.outer() - column);
        if (columns <= 0) {
            return;
        }
        int step = step(firstK + k);
        long at = right.byteOffset(unit / columnBlocks, column, firstK + k);
        long to = panelAt(slot, k, first / NR, step);
        if (right.depthContiguous()) {
            MatmulPack.turnedPanel(
                    right.narrow(),
                    panelsFrom,
                    at,
                    right.outerBytes(),
                    columns,
                    step,
                    panels,
                    to,
                    workspace.turn,
                    workspace.block);
        } else {
            MatmulPack.panels(right.narrow(), panelsFrom, at, right.depthBytes(), columns, step, panels, to);
        }
    }

    private void multiplyTask(int task) {
        var workspace = context.workspaces().borrow();
        int slot = task / rowBlocks;
        multiply(firstUnit + slot, slot, task % rowBlocks, workspace);
        context.workspaces().giveBack(workspace);
    }

    private void multiply(int unit, int slot, int rowBlock, MatmulWorkspace workspace) {
        int batch = unit / columnBlocks;
        int column = unit % columnBlocks * blocks.columns();
        int columns = Math.min(blocks.columns(), right.outer() - column);
        int row = rowBlock * blocks.rows();
        int rows = Math.min(blocks.rows(), left.outer() - row);
        long resultRow = resultRow();
        long at = (long) batch * left.outer() * right.outer() * Float.BYTES
                + (turned ? column * resultRow + row * 4L : row * resultRow + column * 4L);
        long apartRow = MatmulWorkspace.sumsStride(blocks.columns());
        if (turned) {
            var sums = workspace.sums.segment();
            sum(batch, slot, row, rows, columns, sums, 0, apartRow, false, workspace);
            MatmulTile.turn(sums, apartRow, rows, columns, result, at, resultRow, firstK > 0, workspace);
        } else if (apart) {
            var block = workspace.scratch.borrow(blocks.rows() * apartRow);
            var sums = block.segment();
            if (firstK > 0) {
                copyRows(result, at, resultRow, sums, 0, apartRow, rows, columns);
            }
            sum(batch, slot, row, rows, columns, sums, 0, apartRow, firstK > 0, workspace);
            copyRows(sums, 0, apartRow, result, at, resultRow, rows, columns);
            workspace.scratch.giveBack(block);
        } else {
            sum(batch, slot, row, rows, columns, result, at, resultRow, firstK > 0, workspace);
        }
    }

    /** Bytes between rows of the result. */
    private long resultRow() {
        return (turned ? left.outer() : right.outer()) * (long) Float.BYTES;
    }

    private static void copyRows(
            MemorySegment from,
            long at,
            long stride,
            MemorySegment to,
            long toAt,
            long toStride,
            int rows,
            int columns) {
        for (int r = 0; r < rows; r++) {
            MemorySegment.copy(from, at + r * stride, to, toAt + r * toStride, columns * (long) Float.BYTES);
        }
    }

    /** Sums a block over the span of the moment, into rows {@code toRow} bytes apart, or to what {@code to} holds if {@code add}. */
    private void sum(
            int batch,
            int slot,
            int row,
            int rows,
            int columns,
            MemorySegment to,
            long toAt,
            long toRow,
            boolean add,
            MatmulWorkspace workspace) {
        int span = span(firstK);
        for (int k = 0; k < span; k += blocks.step()) {
            int step = step(firstK + k);
            long leftAt = left.byteOffset(batch, row, firstK + k);
            if (inPlace == null) {
                packLeft(leftAt, rows, step, workspace.left);
            }
            for (int c = 0; c < columns; c += NR) {
                long panel = panelAt(slot, k, c / NR, step);
                long next = c + NR < columns ? panelAt(slot, k, c / NR + 1, step) : -1;
                int width = Math.min(NR, columns - c);
                column(leftAt, panel, next, step, rows, to, toAt + c * 4L, toRow, width, add || k > 0, workspace);
            }
        }
    }

    private void packLeft(long offset, int rows, int step, HeapScratch.Block to) {
        if (left.depthContiguous()) {
            MatmulPack.leftRows(left.narrow(), from, offset, left.outerBytes(), rows, step, to);
        } else {
            MatmulPack.leftColumns(kernel.height(), left.narrow(), from, offset, left.depthBytes(), rows, step, to);
        }
    }

    /** All rows of a block against one panel, which stays in the first-level cache. */
    private void column(
            long leftAt,
            long panel,
            long next,
            int step,
            int rows,
            MemorySegment to,
            long at,
            long toRow,
            int columns,
            boolean add,
            MatmulWorkspace workspace) {
        var rowsOf = workspace.left;
        if (inPlace != null) {
            kernel.inPlace(
                    inPlace,
                    from,
                    leftAt,
                    rows,
                    step,
                    panels,
                    panel,
                    next,
                    to,
                    at,
                    toRow,
                    columns,
                    add,
                    workspace.tiles);
        } else if (left.depthContiguous()) {
            kernel.rows(
                    rowsOf, 0, rows, step, false, panels, panel, next, to, at, toRow, columns, add, workspace.tiles);
        } else {
            kernel.columns(rowsOf, rows, step, panels, panel, next, to, at, toRow, columns, add, workspace.tiles);
        }
    }
}
