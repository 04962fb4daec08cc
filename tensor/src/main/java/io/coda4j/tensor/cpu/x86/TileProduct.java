package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Rows of F32 times one panel by machine code: c[rows,N] = scale · a[rows,depth] · panel[depth,N], or that added to c. The
 * columns N are those of two vectors.
 *
 * <p>Rows are computed in tiles. A panel holds F32 elements [depth][N], or pairs of BF16 elements [depth][N/2]: column c in the
 * lower half and column N/2 + c in the upper half of pair c.
 *
 * <p>Each sum is one chain of fused multiply-adds in ascending order of the depth, then multiplied by the scale, then added: its
 * bits depend on nothing else.
 */
public final class TileProduct {
    /**
     * Multiply-adds in one call, so that it ends within 100 microseconds: no thread reaches a safepoint while it runs. A core of
     * 3 GHz needs 45 for as many.
     */
    private static final long CALL_WORK = 1 << 21;

    /** Rows of one product at most, so that no place of a row is beyond what 64 bits hold. */
    public static final int MAX_ROWS = 1 << 20;

    /** The greatest depth of one product: a tile of it, which is not cut, keeps within the time of a call. */
    public static final int MAX_DEPTH = 1 << 12;

    /** Bytes from one row to the next at most, or from step to step. */
    static final long MAX_DISTANCE = 1L << 40;

    /** Lines that one tile asks for at most: more would fill what a processor has for misses, and its own loads would wait. */
    private static final int MOST_AHEAD = 16;

    private static final int LINE_BYTES = 64;

    private final TileKernel kernel;
    private final TileCode code;
    private final int rowsOfTile;
    private final int columnBytes;

    /**
     * Rows of the second last tile where the last would have a third of the rows at most: their sums are too few to fill the
     * processor.
     */
    private final int shortTile;

    TileProduct(TileKernel kernel, TileCode code) {
        this.kernel = kernel;
        this.code = code;
        this.rowsOfTile = kernel.rows();
        this.columnBytes = kernel.columns() * Float.BYTES;
        this.shortTile = kernel.rows() * 2 / 3;
    }

    /**
     * How the left operand lies in memory: element (r, k) of tile t at byte {@code t * tile + r * row + k * depth}.
     *
     * @param row bytes from a row to the next one of its tile
     * @param depth bytes from an element of a row to the next
     * @param tile bytes from a tile to the next, or 0 if rows are at one distance through all tiles
     */
    public record Left(long row, long depth, long tile) {
        /** Rows at one distance, through all tiles. */
        public static Left rows(long row, long depth) {
            return new Left(row, depth, 0);
        }

        /** 1 if tiles are apart, 0 if rows are at one distance: a number, see {@link TileProduct#multiply}. */
        private int apart() {
            return Long.signum(tile);
        }
    }

    /** Columns of a panel. */
    public int columns() {
        return kernel.columns();
    }

    /** Rows of a tile. */
    public int rows() {
        return rowsOfTile;
    }

    @Override
    public String toString() {
        return kernel.toString();
    }

    /** Bytes from a tile to the next, in either case. */
    private long tile(Left left) {
        return left.tile + (1 - left.apart()) * rowsOfTile * left.row;
    }

    /** Bytes from the first element of the left operand to behind the last: of the last full tile, or of the tile behind it. */
    private long extent(Left left, int rows, int depth) {
        int tiles = rows / rowsOfTile;
        int rest = rows % rowsOfTile;
        long full = Integer.signum(tiles) * ((tiles - 1) * tile(left) + (rowsOfTile - 1) * left.row);
        long last = Integer.signum(rest) * (tiles * tile(left) + (rest - 1) * left.row);
        return Math.max(full, last) + (depth - 1) * left.depth + Float.BYTES;
    }

    /**
     * Computes {@code rows} times {@link #columns()} sums.
     *
     * @param left how {@code a} lies from byte {@code aAt} on; {@code a} is native memory or an array of floats
     * @param rows up to {@value #MAX_ROWS}
     * @param depth up to {@value #MAX_DEPTH}
     * @param narrow whether the panel holds pairs of BF16 elements
     * @param panel native memory in which the panel begins at byte {@code panelAt}
     * @param next the byte at which the panel begins that will be needed next, anywhere, or -1
     * @param c native memory or an array of floats for rows of sums, {@code cStride} bytes apart, from byte {@code cAt} on
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
        Objects.checkIndex(rows - 1, MAX_ROWS);
        Objects.checkIndex(depth - 1, MAX_DEPTH);
        distance(left.row);
        distance(left.depth);
        distance(left.tile);
        distance(cStride);
        Objects.checkFromIndexSize(aAt, extent(left, rows, depth), a.byteSize());
        Objects.checkFromIndexSize(cAt, (rows - 1) * cStride + columnBytes, c.byteSize());
        Objects.checkFromIndexSize(panelAt, (long) depth * (narrow ? columnBytes / 2 : columnBytes), panel.byteSize());
        if (!panel.isNative()) {
            throw new IndexOutOfBoundsException("a panel in native memory expected, got " + panel);
        }
        NativeRoutines.requireOpen(panel, panelAt);
        NativeRoutines.requireWritable(c);
        int most = Math.toIntExact(Math.max(1, CALL_WORK / ((long) depth * kernel.columns() * rowsOfTile)));
        // No branch on how the rows lie: C2 leaves out ways that a process has not gone yet, and compiled all of this
        // anew for each.
        int apart = left.apart();
        long tile = tile(left);
        int least = shortTile + apart * (rowsOfTile - shortTile);
        int ahead = next < 0 ? 0 : ahead(rows, depth * (narrow ? columnBytes / 2 : columnBytes));
        long request = next < 0 ? 0 : panel.address() + next;
        int row = 0;
        while (row < rows) {
            int tall = tall(rows - row, least);
            int tiles = tall < rowsOfTile ? 1 : Math.min(most, tiles(rows - row, least));
            code.run(
                    tall - 1 + (narrow ? rowsOfTile : 0),
                    a,
                    c,
                    panel.address() + panelAt,
                    left.row,
                    left.depth,
                    cStride,
                    aAt + (1 - apart) * row * left.row + row / rowsOfTile * left.tile,
                    cAt + row * cStride,
                    tile,
                    request,
                    depth,
                    add ? 1 : 0,
                    Float.floatToRawIntBits(scale),
                    tiles,
                    ahead);
            row += tall * tiles;
            request = ahead == 0 ? 0 : request + (long) tiles * ahead * LINE_BYTES;
        }
    }

    /** The lines of a panel of {@code bytes} bytes that each tile asks for, or 0 where tiles are too few for that. */
    private int ahead(int rows, int bytes) {
        int lines = Math.ceilDiv(Math.ceilDiv(bytes, LINE_BYTES), Math.ceilDiv(rows, rowsOfTile));
        // The sign says whether there are at most as many.
        return lines & (lines - MOST_AHEAD - 1) >> 31;
    }

    /** The rows of the next tile where {@code rows} are left, of which the second last may have {@code least}. */
    private int tall(int rows, int least) {
        int rest = rows - rowsOfTile;
        return 0 < rest && rest <= rowsOfTile - least ? least : Math.min(rowsOfTile, rows);
    }

    /** Full tiles one after the other where {@code rows} are left, likewise. */
    private int tiles(int rows, int least) {
        int tiles = rows / rowsOfTile;
        int rest = rows % rowsOfTile;
        boolean shorter = tiles > 1 && rest > 0 && rest <= rowsOfTile - least;
        return shorter ? tiles - 1 : tiles;
    }

    private static void distance(long bytes) {
        if (bytes < 0 || bytes > MAX_DISTANCE) {
            throw new IndexOutOfBoundsException("a distance from 0 to " + MAX_DISTANCE + " expected, got " + bytes);
        }
    }
}
