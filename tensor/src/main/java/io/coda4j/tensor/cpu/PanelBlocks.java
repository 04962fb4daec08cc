package io.coda4j.tensor.cpu;

import io.coda4j.tensor.cpu.x86.PanelProduct;

/**
 * How a product by {@link PanelProduct} is cut into tasks.
 *
 * @param rowsTogether rows that are packed at a time
 * @param rowBlock rows of a task
 * @param panelCount panels of all columns
 * @param taskPanels panels of a task
 */
record PanelBlocks(int rowsTogether, int rowBlock, int panelCount, int taskPanels) {
    /** Steps of the depth of one part, so that a panel's part of 32 KB stays in the first-level cache for all blocks of rows. */
    static final int PART = 16;

    /** Bytes of rows that are packed at a time at most. */
    private static final long PACKED_ROWS = 32L << 20;

    /** Panels of a task, and less where there would be few tasks and these are long. */
    private static final int TASK_PANELS = 16;

    private static final long SMALL = 1 << 21;

    /**
     * The blocks of a product of {@code rows} rows and {@code columns} columns.
     *
     * @param rowStride bytes from one packed row to the next
     * @param mostRows of a task
     */
    static PanelBlocks of(
            PanelProduct product, int rows, int columns, int depth, long rowStride, int mostRows, int threads) {
        int height = product.blockRows();
        int together = (int) Math.min(rows, Math.max(height, PACKED_ROWS / rowStride));
        int block = MatmulBlocks.even(together, mostRows / height * height, height);
        int panels = MatmulBlocks.count(columns, PanelProduct.COLUMNS);
        int rowBlocks = MatmulBlocks.count(together, block);
        int task = TASK_PANELS;
        while (task > 2
                && rowBlocks * MatmulBlocks.count(panels, task) < MatmulBlocks.enough(threads)
                && (long) Math.min(together, block) * task * PanelProduct.COLUMNS * depth > SMALL) {
            task /= 2;
        }
        return new PanelBlocks(together, block, panels, task);
    }
}
