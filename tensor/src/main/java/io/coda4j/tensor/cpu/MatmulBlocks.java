package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.KC;
import static io.coda4j.tensor.cpu.MicroKernel.MR;
import static io.coda4j.tensor.cpu.MicroKernel.NR;

/**
 * How a product is cut into tasks, from its size and the number of threads. What decides on the order of sums, step and span,
 * follows from the depth alone.
 *
 * @param rows left rows of one task, a multiple of MR
 * @param columns right columns of one task, a multiple of NR
 * @param step depth of one pass of the micro-kernel
 * @param span depth of the panels that are packed at a time, a multiple of {@code step}
 */
record MatmulBlocks(int rows, int columns, int step, int span) {
    /** Enough tasks of one thread for the fast ones to help the slow ones. */
    private static final int ENOUGH_OF_THREAD = 4;

    /** Threads for which products are cut where the number of threads must not decide. */
    static final int COMMON_THREADS = 8;

    /** Multiply-adds below which a task is not split: about ten microseconds. */
    private static final long SMALL = 1 << 20;

    /** Bytes of panels packed at a time. */
    private static final long PANELS = 16L << 20;

    /** More and lower blocks are worth a share of the time of the longest thread that is smaller than this. */
    private static final double BALANCED = 0.97;

    private static final int MAX_SPAN = 16 * KC;

    /**
     * Splits columns only as far as the threads need: each further block of columns packs the left rows once more.
     *
     * <p>{@code turned}: tasks keep their sums to the end, so that their columns are limited.
     */
    static MatmulBlocks of(int batches, int rows, int columns, int depth, boolean turned, int threads) {
        return of(batches, rows, columns, depth, turned, threads, MatmulWorkspace.MAX_ROWS);
    }

    /** As {@link #of(int, int, int, int, boolean, int)}, with at most {@code maxRows} rows of a task. */
    static MatmulBlocks of(int batches, int rows, int columns, int depth, boolean turned, int threads, int maxRows) {
        int enough = enough(threads);
        int step = even(depth, KC, 1);
        int span = Math.min(roundUp(depth, step), MAX_SPAN / step * step);
        int max = turned ? MatmulWorkspace.MAX_COLUMNS : fittingColumns(span);
        var whole = new MatmulBlocks(even(rows, maxRows, MR), even(columns, max, NR), step, span);
        // Wide tasks are cut further than others: packing rows again costs them least, and they are the ones that are
        // waited for.
        return whole.narrower(2 * MatmulWorkspace.MAX_COLUMNS, 2 * enough, batches, rows, columns)
                .narrower(MatmulWorkspace.MAX_COLUMNS, enough, batches, rows, columns)
                .lower(4 * MR, enough, batches, rows, columns)
                .narrower(4 * NR, enough / 2, batches, rows, columns)
                .balanced(threads, batches, rows, columns);
    }

    /**
     * Lower by as little as lets all threads have about the same number of rows: nine tasks of one size keep two threads waiting for a
     * tenth of the time.
     */
    private MatmulBlocks balanced(int threads, int batches, int allRows, int allColumns) {
        long together = Math.min((long) batches * count(allColumns, columns), units());
        int pieces = count(allRows, rows);
        var best = this;
        for (int more = pieces + 1; more <= pieces + pieces / 2; more++) {
            var lower = new MatmulBlocks(even(allRows, Math.ceilDiv(allRows, more), MR), columns, step, span);
            if (lower.rowsOfThread(threads, together, allRows)
                    < BALANCED * best.rowsOfThread(threads, together, allRows)) {
                best = lower;
            }
        }
        return best;
    }

    /** Rows that the thread with most tasks has to compute, of all blocks of columns together. */
    private long rowsOfThread(int threads, long together, int allRows) {
        return Math.ceilDiv(together * count(allRows, rows), threads) * rows;
    }

    /** Columns whose panels over {@code span} are packed at a time: all rows meet them, from the last cache if they fit there. */
    private static int fittingColumns(int span) {
        long fitting = PANELS / Float.BYTES / span / NR * NR;
        return Math.clamp(fitting, MatmulWorkspace.MAX_COLUMNS, 4 * MatmulWorkspace.MAX_COLUMNS);
    }

    /** Tasks below which work is cut further. Where the threads decide, no sum's order may depend on where it is cut. */
    static int enough(int threads) {
        return ENOUGH_OF_THREAD * threads;
    }

    private MatmulBlocks lower(int least, int enough, int batches, int allRows, int allColumns) {
        var blocks = this;
        while (blocks.rows > least && blocks.tooFew(enough, batches, allRows, allColumns)) {
            blocks = new MatmulBlocks(roundUp(blocks.rows / 2, MR), blocks.columns, step, span);
        }
        return blocks;
    }

    private MatmulBlocks narrower(int least, int enough, int batches, int allRows, int allColumns) {
        var blocks = this;
        while (blocks.columns > least && blocks.tooFew(enough, batches, allRows, allColumns)) {
            blocks = new MatmulBlocks(blocks.rows, roundUp(blocks.columns / 2, NR), step, span);
        }
        return blocks;
    }

    /** Whether the tasks between two packings are too few and big enough to split. */
    private boolean tooFew(int enough, int batches, int allRows, int allColumns) {
        long together = Math.min((long) batches * count(allColumns, columns), units());
        return together * count(allRows, rows) < enough && (long) rows * columns * span > SMALL;
    }

    /** Blocks of columns whose panels are packed at a time. */
    int units() {
        return (int) Math.max(1, PANELS / ((long) columns * span * Float.BYTES));
    }

    /** The least multiple of {@code unit} that cuts {@code size} into as few pieces as {@code max} allows. */
    static int even(int size, int max, int unit) {
        int pieces = Math.max(1, count(size, max));
        return roundUp(Math.max(1, count(size, pieces)), unit);
    }

    /** Pieces of {@code piece} that cover {@code size}. */
    static int count(int size, int piece) {
        return Math.ceilDiv(size, piece);
    }

    static int roundUp(int size, int unit) {
        return Math.ceilDiv(size, unit) * unit;
    }
}
