package io.coda4j.tensor.cpu;

import io.coda4j.tensor.cpu.x86.PanelProduct;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Panels of I8 weights in the layouts of {@link PanelProduct}, with two depths or four of a column side by side. Behind the
 * elements of each panel stand the sums of its columns, 32 I32 numbers.
 */
final class BytePanels {
    private static final int COLUMNS = PanelProduct.COLUMNS;
    private static final int SUMS_BYTES = COLUMNS * Integer.BYTES;

    private BytePanels() {}

    /** Steps of {@link PanelProduct} that cover {@code depth} elements of rows of which {@code group} fill 32 bits. */
    static int steps(int group, int depth) {
        return MatmulBlocks.count(depth, group * PanelProduct.STEP_BYTES / Integer.BYTES);
    }

    /** Bytes of the elements of a panel. */
    static long elementBytes(int group, int depth) {
        return (long) steps(group, depth) * group * PanelProduct.STEP_BYTES / Integer.BYTES * COLUMNS;
    }

    /** Bytes of a panel and its sums. */
    static long panelBytes(int group, int depth) {
        return elementBytes(group, depth) + SUMS_BYTES;
    }

    /** The panel of the 32 columns from {@code column} on. Columns and depths that are not there are zeros. */
    static void pack(int group, MatmulOperand weight, MemorySegment from, int column, MemorySegment to, long at) {
        int depth = weight.depth();
        long bytes = elementBytes(group, depth);
        int columns = Math.min(COLUMNS, weight.outer() - column);
        boolean whole = columns == COLUMNS && depth % (group * PanelProduct.STEP_BYTES / Integer.BYTES) == 0;
        if (!whole) {
            to.asSlice(at, bytes).fill((byte) 0);
        }
        for (int c = 0; c < COLUMNS; c++) {
            long source = weight.byteOffset(0, column + c, 0);
            int sum = c < columns ? pack(group, from, source, depth, to, at + c * (long) group) : 0;
            to.set(ValueLayout.JAVA_INT, at + bytes + c * (long) Integer.BYTES, sum);
        }
    }

    /** One column, whose groups lie 32 groups apart; its sum. */
    private static int pack(int group, MemorySegment from, long source, int depth, MemorySegment to, long at) {
        int sum = 0;
        for (int k = 0; k < depth; k++) {
            byte element = from.get(ValueLayout.JAVA_BYTE, source + k);
            sum += element;
            to.set(ValueLayout.JAVA_BYTE, at + (long) (k / group) * group * COLUMNS + k % group, element);
        }
        return sum;
    }
}
