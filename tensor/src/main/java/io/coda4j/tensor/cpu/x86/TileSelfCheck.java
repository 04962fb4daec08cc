package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * Small products of {@link TileProduct} against the definition, before it is used: all numbers of rows of a tile and more than
 * one tile, both kinds of panels, stored and added. The elements are small integers, whose sums are exact in any order.
 */
final class TileSelfCheck {
    private static final int DEPTH = 5;
    private static final float UNTOUCHED = 77;
    private static final float OLD = 3;
    private static final float SCALE = 2;

    private final TileProduct product;
    private final int columns;
    private final int mostRows;

    /** Floats between rows of the sums: some behind each row must stay as they are. */
    private final int stride;

    private final MemorySegment a;
    private final MemorySegment wide;
    private final MemorySegment narrow;
    private final MemorySegment c;

    private TileSelfCheck(TileProduct product, Arena arena) {
        this.product = product;
        this.columns = product.columns();
        this.mostRows = 2 * product.rows() + 1;
        this.stride = columns + 8;
        this.a = arena.allocate(mostRows * DEPTH * 4L, 64);
        this.wide = arena.allocate(DEPTH * columns * 4L, 64);
        this.narrow = arena.allocate(DEPTH * columns * 2L, 64);
        this.c = arena.allocate(mostRows * stride * 4L, 64);
        for (int k = 0; k < DEPTH; k++) {
            for (int r = 0; r < mostRows; r++) {
                a.setAtIndex(ValueLayout.JAVA_FLOAT, (long) r * DEPTH + k, left(r, k));
            }
            for (int i = 0; i < columns; i++) {
                wide.setAtIndex(ValueLayout.JAVA_FLOAT, (long) k * columns + i, right(k, i));
                // Small integers have zeros in the lower half.
                short upper = (short) (Float.floatToRawIntBits(right(k, i)) >>> 16);
                int half = columns / 2;
                narrow.setAtIndex(ValueLayout.JAVA_SHORT, 2L * (k * half + i % half) + i / half, upper);
            }
        }
    }

    /** What {@code product} got wrong, or empty. */
    static Optional<String> failure(TileProduct product) {
        try (var arena = Arena.ofConfined()) {
            return new TileSelfCheck(product, arena).run();
        }
    }

    private Optional<String> run() {
        for (int rows = 1; rows <= mostRows; rows++) {
            for (int form = 0; form < 4; form++) {
                var failure = check(rows, (form & 1) != 0, (form & 2) != 0);
                if (failure.isPresent()) {
                    return failure;
                }
            }
        }
        return Optional.empty();
    }

    private Optional<String> check(int rows, boolean pairs, boolean add) {
        for (int i = 0; i < mostRows * stride; i++) {
            c.setAtIndex(ValueLayout.JAVA_FLOAT, i, isSum(i, rows) && add ? OLD : UNTOUCHED);
        }
        var left = TileProduct.Left.rows(DEPTH * 4L, 4);
        product.multiply(left, a, 0, rows, DEPTH, pairs, pairs ? narrow : wide, 0, 0, c, 0, stride * 4L, SCALE, add);
        for (int i = 0; i < mostRows * stride; i++) {
            int r = i / stride;
            int column = i % stride;
            float expected = isSum(i, rows) ? SCALE * sum(r, column) + (add ? OLD : 0) : UNTOUCHED;
            float got = c.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            if (got != expected) {
                return Optional.of("its self-check of " + rows + " rows expected " + expected + " at row " + r
                        + ", column " + column + ", got " + got);
            }
        }
        return Optional.empty();
    }

    private boolean isSum(int i, int rows) {
        return i / stride < rows && i % stride < columns;
    }

    private static float sum(int row, int column) {
        float sum = 0;
        for (int k = 0; k < DEPTH; k++) {
            sum += left(row, k) * right(k, column);
        }
        return sum;
    }

    private static float left(int row, int k) {
        return (row * 5 + k * 3) % 17 - 8;
    }

    private static float right(int k, int column) {
        return (k * 7 + column * 11) % 15 - 7;
    }
}
