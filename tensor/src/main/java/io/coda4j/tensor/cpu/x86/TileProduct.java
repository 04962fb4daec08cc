package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Rows of F32 times one panel of {@value #COLUMNS} columns by machine code: c[rows,16] = scale · a[rows,depth] ·
 * panel[depth,16], or that added to c.
 *
 * <p>Rows are computed in tiles of {@value #ROWS}. A panel holds F32 elements [depth][16], or pairs of BF16 elements
 * [depth][8]: column c in the lower half and column 8 + c in the upper half of pair c.
 *
 * <p>Each sum is one chain of fused multiply-adds in ascending order of the depth, then multiplied by the scale, then added: its
 * bits depend on nothing else.
 */
public final class TileProduct {
    /** The name of the kernel, for people. */
    static final String NAME = "avx2_f32";

    /** Columns of a panel. */
    public static final int COLUMNS = 16;

    /** Rows of a tile. */
    public static final int ROWS = Avx2TileKernel.ROWS;

    /** Rows of the second last tile where the last would have one row or two: their sums are too few to fill the processor. */
    private static final int SHORT = 4;

    private static final int COLUMN_BYTES = COLUMNS * Float.BYTES;

    /**
     * Multiply-adds in one call, so that it ends within 100 microseconds: no thread reaches a safepoint while it runs. A core of
     * 3 GHz needs 45 for as many.
     */
    private static final long CALL_WORK = 1 << 21;

    private final TileCode code;

    TileProduct(TileCode code) {
        this.code = code;
    }

    /**
     * How the left operand lies in memory: element (r, k) of tile t at byte {@code t * tile + r * row + k * depth}.
     *
     * @param row bytes from a row to the next one of its tile
     * @param depth bytes from an element of a row to the next
     * @param tile bytes from a tile to the next
     */
    public record Left(long row, long depth, long tile) {
        /** Rows at one distance, through all tiles. */
        public static Left rows(long row, long depth) {
            return new Left(row, depth, ROWS * row);
        }

        private boolean isRegular() {
            return tile == ROWS * row;
        }

        /** Bytes from the first element to behind the last of {@code rows} rows. */
        private long extent(int rows, int depths) {
            long full = rows / ROWS == 0 ? 0 : (rows / ROWS - 1) * tile + (ROWS - 1) * row;
            long last = rows % ROWS == 0 ? 0 : rows / ROWS * tile + (rows % ROWS - 1) * row;
            return Math.max(full, last) + (depths - 1) * depth + Float.BYTES;
        }
    }

    @Override
    public String toString() {
        return NAME;
    }

    /**
     * Computes {@code rows x 16} sums.
     *
     * @param left how {@code a} lies from byte {@code aAt} on; {@code a} is native memory or an array of floats
     * @param narrow whether the panel holds pairs of BF16 elements
     * @param panel native memory in which the panel begins at byte {@code panelAt}
     * @param next the byte at which the panel begins that will be needed next, anywhere, or -1
     * @param c native memory or an array of floats for rows of 16 sums, {@code cStride} bytes apart, from byte {@code cAt} on
     * @param scale the factor of the sums
     * @param add whether to add to what {@code c} holds, instead of overwriting it
     * @throws IndexOutOfBoundsException if anything would be read or written outside of the segments
     */
    public void multiply(
            Left left,
            MemorySegment a,
            long aAt,
            int rows,
            int depth,
            boolean narrow,
            MemorySegment panel,
            long panelAt,
            long next,
            MemorySegment c,
            long cAt,
            long cStride,
            float scale,
            boolean add) {
        Objects.checkIndex(rows - 1, Integer.MAX_VALUE);
        Objects.checkIndex(depth - 1, Integer.MAX_VALUE);
        distance(left.row);
        distance(left.depth);
        distance(left.tile);
        distance(cStride);
        Objects.checkFromIndexSize(aAt, left.extent(rows, depth), a.byteSize());
        Objects.checkFromIndexSize(cAt, (rows - 1) * cStride + COLUMN_BYTES, c.byteSize());
        Objects.checkFromIndexSize(
                panelAt, (long) depth * (narrow ? COLUMN_BYTES / 2 : COLUMN_BYTES), panel.byteSize());
        if (!panel.isNative()) {
            throw new IndexOutOfBoundsException("a panel in native memory expected, got " + panel);
        }
        int most = Math.toIntExact(Math.max(1, CALL_WORK / ((long) depth * COLUMNS * ROWS)));
        int row = 0;
        while (row < rows) {
            int tall = left.isRegular() ? tall(rows - row) : Math.min(ROWS, rows - row);
            int tiles = tall < ROWS ? 1 : Math.min(most, tiles(left, rows - row));
            code.run(
                    tall - 1 + (narrow ? ROWS : 0),
                    a,
                    c,
                    panel.address() + panelAt,
                    left.row,
                    left.depth,
                    cStride,
                    aAt + (left.isRegular() ? row * left.row : row / ROWS * left.tile),
                    cAt + row * cStride,
                    left.tile,
                    next < 0 || row > 0 ? 0 : panel.address() + next,
                    depth,
                    add ? 1 : 0,
                    Float.floatToRawIntBits(scale),
                    tiles);
            row += tall * tiles;
        }
    }

    /** The rows of the next tile where {@code rows} are left. */
    private static int tall(int rows) {
        boolean rest = rows > ROWS && rows < 2 * ROWS && rows % ROWS <= ROWS - SHORT;
        return rest && rows % ROWS > 0 ? SHORT : Math.min(ROWS, rows);
    }

    /** Full tiles one after the other where {@code rows} are left. */
    private static int tiles(Left left, int rows) {
        int tiles = rows / ROWS;
        int rest = rows % ROWS;
        boolean shorter = left.isRegular() && tiles > 1 && rest > 0 && rest <= ROWS - SHORT;
        return shorter ? tiles - 1 : tiles;
    }

    private static void distance(long bytes) {
        if (bytes < 0 || bytes > Integer.MAX_VALUE) {
            throw new IndexOutOfBoundsException("a distance from 0 to 2^31 expected, got " + bytes);
        }
    }
}
