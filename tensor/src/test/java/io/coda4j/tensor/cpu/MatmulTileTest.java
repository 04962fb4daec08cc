package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class MatmulTileTest {
    private static final long STRIDE = MatmulWorkspace.sumsStride(MatmulWorkspace.MAX_COLUMNS);
    private static final float UNTOUCHED = -0.5f;

    private final MatmulWorkspace workspace = new MatmulWorkspace();

    /** Whole and ragged blocks, somewhere in a wider matrix, of which nothing else may change. */
    @Property(tries = 200)
    void turnStoresOrAddsTheTranspose(
            @ForAll @IntRange(min = 1, max = MatmulWorkspace.COMMON_ROWS) int anyRows,
            @ForAll @IntRange(min = 1, max = 70) int columns,
            @ForAll @IntRange(max = 20) int gap,
            @ForAll boolean add) {
        int rows = Math.min(anyRows, MatmulWorkspace.MAX_ROWS);
        var sums = workspace.sums.segment();
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                sums.set(ValueLayout.JAVA_FLOAT, r * STRIDE + c * 4L, sum(r, c));
            }
        }
        int width = rows + gap;
        try (var arena = Arena.ofConfined()) {
            var to = arena.allocate((columns + 1L) * width * 4, 4);
            fill(to);
            MatmulTile.turn(sums, STRIDE, rows, columns, to, gap * 4L, width * 4L, add, workspace);
            for (int i = 0; i < (columns + 1) * width; i++) {
                int row = (i - gap + width) % width;
                int column = Math.floorDiv(i - gap, width);
                boolean inside = i >= gap && row < rows && column < columns;
                float expected = !inside ? UNTOUCHED : sum(row, column) + (add ? UNTOUCHED : 0);
                assertEquals(expected, to.getAtIndex(ValueLayout.JAVA_FLOAT, i), "element " + i);
            }
        }
    }

    private static float sum(int row, int column) {
        return row * 1000 + column + 0.25f;
    }

    private static void fill(MemorySegment memory) {
        for (long i = 0; i < memory.byteSize() / 4; i++) {
            memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, UNTOUCHED);
        }
    }
}
