package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * Small products of a kernel against the definition, before it is used: all numbers of rows that it has routines for, and
 * more than one block; sums stored and sums added. The elements are small integers, whose sums are exact in any order.
 */
final class SelfCheck {
    private static final int STEPS = 2;

    /** Sums behind each row that must stay as they are, and what they are. */
    private static final int GUARD = 16;

    private static final int UNTOUCHED = 0x5a5a_5a5a;
    private static final int OLD = 3;

    private final PanelProduct product;
    private final PanelKernel.Elements elements;
    private final int depth;
    private final int rows;

    /** The sums that a kernel must form, row by row. */
    private final int[] sums;

    private SelfCheck(PanelProduct product) {
        this.product = product;
        this.elements = product.kernel().elements();
        this.depth = STEPS * PanelProduct.STEP_BYTES / elements.rowBytes();
        this.rows = 2 * product.kernel().rows() + 1;
        this.sums = new int[rows * PanelProduct.COLUMNS];
        for (int i = 0; i < sums.length; i++) {
            sums[i] = sum(i / PanelProduct.COLUMNS, i % PanelProduct.COLUMNS);
        }
    }

    /** What {@code product} got wrong, or empty. */
    static Optional<String> failure(PanelProduct product) {
        try (var arena = Arena.ofConfined()) {
            return new SelfCheck(product).run(arena);
        }
    }

    private Optional<String> run(Arena arena) {
        long stride = depth * (long) elements.rowBytes();
        var a = arena.allocate(rows * stride, 64);
        var panel = arena.allocate((long) STEPS * product.panelStepBytes(), 64);
        for (int k = 0; k < depth; k++) {
            for (int r = 0; r < rows; r++) {
                put(a, elements.rowBytes(), r * depth + k, left(r, k) + product.rowOffset());
            }
            int group = product.group();
            for (int c = 0; c < PanelProduct.COLUMNS; c++) {
                int index = (k / group * PanelProduct.COLUMNS + c) * group + k % group;
                put(panel, elements.panelBytes(), index, right(k, c));
            }
        }
        for (int count = 1; count <= rows; count++) {
            for (boolean add : new boolean[] {false, true}) {
                var failure = check(arena, a, panel, count, add);
                if (failure.isPresent()) {
                    return failure;
                }
            }
        }
        return Optional.empty();
    }

    private Optional<String> check(Arena arena, MemorySegment a, MemorySegment panel, int count, boolean add) {
        int width = PanelProduct.COLUMNS + GUARD;
        var c = arena.allocate((long) rows * width * Integer.BYTES, 64);
        for (int i = 0; i < rows * width; i++) {
            c.setAtIndex(ValueLayout.JAVA_INT, i, inside(i, width, count) && add ? bits(OLD) : UNTOUCHED);
        }
        long stride = depth * (long) elements.rowBytes();
        product.multiply(a, 0, stride, panel, 0, c, 0, width * 4L, count, STEPS, add);
        for (int i = 0; i < rows * width; i++) {
            int r = i / width;
            int expected = inside(i, width, count)
                    ? bits(sums[r * PanelProduct.COLUMNS + i % width] + (add ? OLD : 0))
                    : UNTOUCHED;
            int got = c.getAtIndex(ValueLayout.JAVA_INT, i);
            if (got != expected) {
                return Optional.of("its self-check of " + count + " rows expected 0x" + Integer.toHexString(expected)
                        + " at row " + r + ", column " + i % width + ", got 0x" + Integer.toHexString(got));
            }
        }
        return Optional.empty();
    }

    private static boolean inside(int i, int width, int count) {
        return i / width < count && i % width < PanelProduct.COLUMNS;
    }

    private static int left(int row, int k) {
        return (row * 5 + k * 3) % 17 - 8;
    }

    private static int right(int k, int column) {
        return (k * 7 + column * 11) % 15 - 7;
    }

    /** A sum; for unsigned rows with 128 times the sum of the column. */
    private int sum(int row, int column) {
        int sum = 0;
        for (int k = 0; k < depth; k++) {
            sum += (left(row, k) + product.rowOffset()) * right(k, column);
        }
        return sum;
    }

    private int bits(int value) {
        return elements == PanelKernel.Elements.BF16 ? Float.floatToRawIntBits(value) : value;
    }

    private void put(MemorySegment to, int bytes, int index, int value) {
        if (elements == PanelKernel.Elements.BF16) {
            // Small integers have zeros in the lower half.
            to.setAtIndex(ValueLayout.JAVA_SHORT, index, (short) (Float.floatToRawIntBits(value) >>> 16));
        } else if (bytes == Short.BYTES) {
            to.setAtIndex(ValueLayout.JAVA_SHORT, index, (short) value);
        } else {
            to.set(ValueLayout.JAVA_BYTE, index, (byte) value);
        }
    }
}
