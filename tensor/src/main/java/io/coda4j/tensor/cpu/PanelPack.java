package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.LANES;
import static io.coda4j.tensor.cpu.MicroKernel.ORDER;

import io.coda4j.tensor.cpu.x86.PanelProduct;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Copies parts of native BF16 matrices into the layouts of {@link PanelProduct}. */
final class PanelPack {
    private static final int COLUMNS = PanelProduct.COLUMNS;

    /** Bytes of one pair of depths of a panel: a pair of BF16 elements for each column. */
    private static final int PAIR_BYTES = COLUMNS * Integer.BYTES;

    private PanelPack() {}

    /** Steps of {@link PanelProduct} that cover a sum of {@code depth} BF16 elements. */
    static int steps(int depth) {
        return MatmulBlocks.count(depth, PanelProduct.STEP_BYTES / Short.BYTES);
    }

    /** Bytes of a panel over {@code depth}. */
    static long panelBytes(int depth) {
        return (long) steps(depth) * PanelProduct.PANEL_STEP_BYTES;
    }

    /**
     * Distance of packed rows: whole steps of {@code depth} and one cache line, so that rows do not share cache sets where
     * the depth is a power of two.
     */
    static long rowStride(int depth) {
        return (steps(depth) + 1L) * PanelProduct.STEP_BYTES;
    }

    /**
     * {@code count} rows of a matrix of {@code left} from {@code row} on to {@code to[at ..]}, with zeros behind the depth.
     *
     * @param turn at least {@link MatmulTurn#BLOCK} floats
     * @param block at least {@link MatmulTurn#BLOCK} floats
     */
    static void rows(
            MatmulOperand left,
            MemorySegment from,
            int batch,
            int row,
            int count,
            MemorySegment to,
            long at,
            float[] turn,
            float[] block) {
        long stride = rowStride(left.depth());
        long bytes = left.depthContiguous()
                ? copiedRows(left, from, batch, row, count, to, at)
                : turnedRows(left, from, left.byteOffset(batch, row, 0), count, to, at, turn, block);
        for (int r = 0; r < count; r++) {
            to.asSlice(at + r * stride + bytes, stride - bytes).fill((byte) 0);
        }
    }

    /** Rows with contiguous depth. Bytes written of each. */
    private static long copiedRows(
            MatmulOperand left, MemorySegment from, int batch, int row, int count, MemorySegment to, long at) {
        long stride = rowStride(left.depth());
        long bytes = (long) left.depth() * Short.BYTES;
        for (int r = 0; r < count; r++) {
            MemorySegment.copy(from, left.byteOffset(batch, row + r, 0), to, at + r * stride, bytes);
        }
        return bytes;
    }

    /**
     * Rows that lie side by side: two depths are put together lane by lane, and blocks of these pairs transposed. Bytes
     * written of each row.
     */
    private static long turnedRows(
            MatmulOperand left,
            MemorySegment from,
            long source,
            int count,
            MemorySegment to,
            long at,
            float[] turn,
            float[] block) {
        long stride = rowStride(left.depth());
        for (int r = 0; r < count; r += LANES) {
            for (int k = 0; k < left.depth(); k += 2 * LANES) {
                for (int i = 0; i < LANES; i++) {
                    pairs(left, from, source + r * 2L, k + 2 * i, count - r)
                            .reinterpretAsFloats()
                            .intoArray(turn, i * LANES);
                }
                long target = at + r * stride + k * 2L;
                MatmulTurn.turn(turn, 0, LANES, block, to, target, stride, Math.min(LANES, count - r));
            }
        }
        return MatmulBlocks.roundUp(MatmulBlocks.count(left.depth(), 2), LANES) * (long) Integer.BYTES;
    }

    /** Elements k and k + 1 of {@code count} neighbours, in the halves of each lane; zeros for what is not there. */
    private static IntVector pairs(MatmulOperand operand, MemorySegment from, long source, int k, int count) {
        long place = source + k * operand.depthBytes();
        var low = elements(from, place, k < operand.depth() ? count : 0);
        var high = elements(from, place + operand.depthBytes(), k + 1 < operand.depth() ? count : 0);
        return low.or(high.lanewise(VectorOperators.LSHL, 16));
    }

    /**
     * The panel of 32 columns from {@code column} on over the whole depth. Columns and depths that are not there are zeros.
     *
     * @param block at least {@link MatmulTurn#BLOCK} floats
     */
    static void panel(
            MatmulOperand right, MemorySegment from, int batch, int column, MemorySegment to, long at, float[] block) {
        int columns = Math.min(COLUMNS, right.outer() - column);
        long source = right.byteOffset(batch, column, 0);
        long done = right.depthContiguous()
                ? turned(right, from, source, columns, to, at, block)
                : zipped(right, from, source, columns, to, at);
        to.asSlice(at + done, panelBytes(right.depth()) - done).fill((byte) 0);
        if (right.depthContiguous()) {
            rest(right, from, source, columns, (int) (done / PAIR_BYTES) * 2, to, at);
        }
    }

    /** Columns with contiguous depth are rows of pairs: what fills blocks of them is transposed. Bytes written. */
    private static long turned(
            MatmulOperand right,
            MemorySegment from,
            long source,
            int columns,
            MemorySegment to,
            long at,
            float[] block) {
        int pairs = columns < COLUMNS ? 0 : right.depth() / 2 / LANES * LANES;
        long stride = right.outerBytes();
        for (int c = 0; c < COLUMNS; c += LANES) {
            MatmulTurn.columns(from, source + c * stride, stride, pairs, block, to, at + c * 4L, PAIR_BYTES);
        }
        return pairs * (long) PAIR_BYTES;
    }

    /** The elements from depth {@code first} on, one by one. */
    private static void rest(
            MatmulOperand right, MemorySegment from, long source, int columns, int first, MemorySegment to, long at) {
        long stride = right.outerBytes();
        for (int c = 0; c < columns; c++) {
            for (int k = first; k < right.depth(); k++) {
                short element = from.get(ValueLayout.JAVA_SHORT_UNALIGNED, source + c * stride + k * 2L);
                to.set(ValueLayout.JAVA_SHORT, at + (k / 2) * (long) PAIR_BYTES + c * 4L + k % 2 * 2L, element);
            }
        }
    }

    /** Depths with contiguous columns: two of them are put together lane by lane. Bytes written. */
    private static long zipped(
            MatmulOperand right, MemorySegment from, long source, int columns, MemorySegment to, long at) {
        for (int k = 0; k < right.depth(); k += 2) {
            for (int c = 0; c < COLUMNS; c += LANES) {
                pairs(right, from, source + c * 2L, k, columns - c)
                        .intoMemorySegment(to, at + (k / 2) * (long) PAIR_BYTES + c * 4L, ORDER);
            }
        }
        return MatmulBlocks.count(right.depth(), 2) * (long) PAIR_BYTES;
    }

    private static IntVector elements(MemorySegment from, long offset, int count) {
        return count > 0 ? MatmulPack.bits(from, offset, count) : IntVector.zero(Lanes.I32);
    }
}
