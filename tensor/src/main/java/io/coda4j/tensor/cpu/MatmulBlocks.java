package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.KC;
import static io.coda4j.tensor.cpu.MicroKernel.MR;
import static io.coda4j.tensor.cpu.MicroKernel.NR;

/**
 * How a product is cut into tasks, from its size alone.
 *
 * @param rows left rows of one task, a multiple of MR
 * @param columns right columns of one task, a multiple of NR
 * @param step depth of one pass of the micro-kernel
 * @param span depth of the panels that are packed at a time, a multiple of {@code step}
 */
record MatmulBlocks(int rows, int columns, int step, int span) {
    /** Enough tasks to keep sixteen threads busy with some left for the slow ones. */
    private static final int ENOUGH = 32;

    /** Multiply-adds below which a task is not split: about ten microseconds. */
    private static final long SMALL = 1 << 20;

    private static final int MAX_SPAN = 16 * KC;

    static MatmulBlocks of(int batches, int rows, int columns, int depth) {
        int step = even(depth, KC, 1);
        int span = Math.min(roundUp(depth, step), MAX_SPAN / step * step);
        int width = even(columns, MatmulWorkspace.MAX_COLUMNS, NR);
        int height = even(rows, MatmulWorkspace.MAX_ROWS, MR);
        while (height > 4 * MR && needsSplit(batches, rows, columns, depth, height, width)) {
            height = roundUp(height / 2, MR);
        }
        while (width > 4 * NR && needsSplit(batches, rows, columns, depth, height, width)) {
            width = roundUp(width / 2, NR);
        }
        return new MatmulBlocks(height, width, step, span);
    }

    private static boolean needsSplit(int batches, int rows, int columns, int depth, int height, int width) {
        long tasks = (long) batches * count(rows, height) * count(columns, width);
        return tasks < ENOUGH && (long) height * width * depth > SMALL;
    }

    /** The least multiple of {@code unit} that cuts {@code size} into as few pieces as {@code max} allows. */
    private static int even(int size, int max, int unit) {
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
