package io.coda4j.tensor.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The innermost product: a tile of {@code MR x NR} sums of products, with {@code NR} = two vectors.
 *
 * <p>The right operand is a panel {@code [depth][NR]} in 64-byte-aligned native memory. The left operand lies in a
 * {@code float[]}: row by row, which copies of a matrix with contiguous depth give for free, or column by column, or as
 * the transpose of rows. The three differ in constants only, but with a variable in place of these C2 checks each
 * element's index, which costs a quarter of the speed (AMD Zen 3). Each sum runs over the depth in ascending order in one accumulator, so that its bits depend on nothing else.
 */
final class MicroKernel {
    static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    static final ByteOrder ORDER = ByteOrder.nativeOrder();
    static final int LANES = SPECIES.length();
    static final int HALF_BYTES = LANES * Float.BYTES;

    /** Columns of a tile. */
    static final int NR = 2 * LANES;

    /** Bytes of one step of a right panel. */
    static final int PANEL_BYTES = NR * Float.BYTES;

    /** Rows of a tile: as many as the registers hold, of which there are 32 with 512-bit vectors, else at least 16. */
    static final int MR = LANES >= 16 ? 12 : 4;

    /** The greatest depth of one product; a right panel of this depth fits the first-level cache. */
    static final int KC = 256;

    /** Distance of two left rows: {@link #KC} and one cache line, so that twelve rows do not share cache sets. */
    static final int ROW = KC + 16;

    /** The bits of the second element of a pair in a narrow panel. */
    static final int HIGH = 0xffff0000;

    /** Rows of the lower of two tiles, for the last rows of a block. */
    private static final int LOW = 4;

    private MicroKernel() {}

    /** The rows of the tile to be used where {@code rows} rows are left. */
    static int tileRows(int rows) {
        return rows <= LOW ? LOW : MR;
    }

    /** {@code tile[r][c]} = sum over k of {@code a[at + r * ROW + k] * panel[k][c]}, the panel starting at a byte. */
    static void rows(int depth, float[] a, int at, MemorySegment panel, long from, float[] tile) {
        rows(MR, depth, a, at, panel, from, tile);
    }

    /** As {@link #rows} for {@code tall} rows, which {@link #tileRows} gave. */
    static void rows(int tall, int depth, float[] a, int at, MemorySegment panel, long from, float[] tile) {
        if (tall == 12) {
            MicroKernel12.rows(depth, a, at, panel, from, tile);
        } else {
            MicroKernel4.rows(depth, a, at, panel, from, tile);
        }
    }

    /**
     * As {@link #rows(int, int, float[], int, MemorySegment, long, float[])}, with a panel {@code [depth][LANES]} of pairs of
     * BF16 elements: column c in the low half and column LANES + c in the high half of pair c. Widening is a shift and a
     * mask, so that a panel of half the size costs no more than one of F32.
     */
    static void narrowRows(int tall, int depth, float[] a, int at, MemorySegment panel, long from, float[] tile) {
        if (tall == 12) {
            MicroKernel12.narrowRows(depth, a, at, panel, from, tile);
        } else {
            MicroKernel4.narrowRows(depth, a, at, panel, from, tile);
        }
    }

    /** {@code tile[r][c]} = sum over k of {@code a[at + k * MR + r] * panel[k][c]}, the panel starting at a byte. */
    static void columns(int depth, float[] a, int at, MemorySegment panel, long from, float[] tile) {
        if (MR == 12) {
            MicroKernel12.columns(depth, a, at, panel, from, tile);
        } else {
            MicroKernel4.columns(depth, a, at, panel, from, tile);
        }
    }

    /** {@code tile[r][c]} = sum over k of {@code a[at + k * ROW + r] * panel[k][c]}, the panel starting at a byte. */
    static void turnedRows(int depth, float[] a, int at, MemorySegment panel, long from, float[] tile) {
        if (MR == 12) {
            MicroKernel12.turnedRows(depth, a, at, panel, from, tile);
        } else {
            MicroKernel4.turnedRows(depth, a, at, panel, from, tile);
        }
    }
}
