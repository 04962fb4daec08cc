package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.HALF_BYTES;
import static io.coda4j.tensor.cpu.MicroKernel.KC;
import static io.coda4j.tensor.cpu.MicroKernel.LANES;
import static io.coda4j.tensor.cpu.MicroKernel.MR;
import static io.coda4j.tensor.cpu.MicroKernel.NR;
import static io.coda4j.tensor.cpu.MicroKernel.ORDER;
import static io.coda4j.tensor.cpu.MicroKernel.PANEL_BYTES;
import static io.coda4j.tensor.cpu.MicroKernel.ROW;
import static io.coda4j.tensor.cpu.MicroKernel.SPECIES;

import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.cpu.x86.BlockCopy;
import io.coda4j.tensor.cpu.x86.MachineKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.jspecify.annotations.Nullable;

/** Copies parts of native F32 or BF16 matrices into the layouts of {@link MicroKernel}, always as F32. */
final class MatmulPack {
    private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_PREFERRED;
    static final VectorSpecies<Short> SHORTS =
            VectorSpecies.of(short.class, VectorShape.forBitSize(SPECIES.vectorBitSize() / 2));
    private static final VectorSpecies<Float> QUAD = FloatVector.SPECIES_128;
    private static final int HALF_LANE_BYTES = LANES * Short.BYTES;

    /** Floats of the buffer that {@link #turnedPanel} needs. */
    static final int TURN = LANES * ROW;

    private MatmulPack() {}

    /** Machine code that copies rows, chosen when the first operand is packed. */
    private static final class Machine {
        static final @Nullable BlockCopy COPY =
                MachineKernels.ofProcess().copy().orElse(null);

        private Machine() {}
    }

    private static FloatVector wide(ShortVector bits) {
        return bits.convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0)
                .reinterpretAsInts()
                .lanewise(VectorOperators.LSHL, 16)
                .reinterpretAsFloats();
    }

    /** One vector of BF16 elements, widened. */
    static FloatVector wide(MemorySegment from, long offset) {
        return wide(ShortVector.fromMemorySegment(SHORTS, from, offset, ORDER));
    }

    /** The BF16 elements under the mask, widened, and zeros. */
    static FloatVector wide(MemorySegment from, long offset, VectorMask<Short> mask) {
        return wide(ShortVector.fromMemorySegment(SHORTS, from, offset, ORDER, mask));
    }

    /** Widens {@code count} BF16 elements to F32. */
    static void widen(MemorySegment from, MemorySegment to, long count) {
        long whole = count / LANES * LANES;
        for (long i = 0; i < whole; i += LANES) {
            wide(from, i * 2).intoMemorySegment(to, i * 4, ORDER);
        }
        if (whole < count) {
            int rest = (int) (count - whole);
            wide(from, whole * 2, SHORTS.indexInRange(0, rest))
                    .intoMemorySegment(to, whole * 4, ORDER, SPECIES.indexInRange(0, rest));
        }
    }

    /** Copies {@code count} contiguous elements to {@code to[at ..]}. */
    static void row(boolean narrow, MemorySegment from, long offset, int count, float[] to, int at) {
        if (narrow) {
            narrowRow(from, offset, count, to, at);
        } else {
            wideRow(from, offset, count, to, at);
        }
    }

    private static void wideRow(MemorySegment from, long offset, int count, float[] to, int at) {
        int whole = SPECIES.loopBound(count);
        for (int i = 0; i < whole; i += LANES) {
            FloatVector.fromMemorySegment(SPECIES, from, offset + i * 4L, ORDER).intoArray(to, at + i);
        }
        if (whole < count) {
            var mask = SPECIES.indexInRange(whole, count);
            FloatVector.fromMemorySegment(SPECIES, from, offset + whole * 4L, ORDER, mask)
                    .intoArray(to, at + whole, mask);
        }
    }

    private static void narrowRow(MemorySegment from, long offset, int count, float[] to, int at) {
        int whole = SPECIES.loopBound(count);
        for (int i = 0; i < whole; i += LANES) {
            wide(from, offset + i * 2L).intoArray(to, at + i);
        }
        if (whole < count) {
            var shorts = SHORTS.indexInRange(whole, count);
            wide(from, offset + whole * 2L, shorts).intoArray(to, at + whole, SPECIES.indexInRange(whole, count));
        }
    }

    /** As {@link #leftRows(boolean, MemorySegment, long, long, int, int, HeapScratch.Block, int)}, from the start of the array on. */
    static void leftRows(
            boolean narrow, MemorySegment from, long offset, long stride, int rows, int depth, HeapScratch.Block to) {
        leftRows(narrow, from, offset, stride, rows, depth, to, 0);
    }

    /**
     * Left rows with contiguous depth: {@code to[at + r * ROW + k]}. Rows up to the next multiple of MR become zero.
     *
     * @param stride bytes between rows
     */
    static void leftRows(
            boolean narrow,
            MemorySegment from,
            long offset,
            long stride,
            int rows,
            int depth,
            HeapScratch.Block to,
            int at) {
        int copied = narrow ? 0 : copyRows(from, offset, stride, rows, depth, to, at);
        if (copied < depth) {
            long rest = offset + copied * (narrow ? 2L : 4L);
            for (int r = 0; r < rows; r++) {
                row(narrow, from, rest + r * stride, depth - copied, to.array(), at + r * ROW + copied);
            }
        }
        for (int r = rows; r % MR != 0; r++) {
            Arrays.fill(to.array(), at + r * ROW, at + r * ROW + depth, 0);
        }
    }

    /** Copies whole cache lines of each row by machine code, if there is any: the number of elements done. */
    private static int copyRows(
            MemorySegment from, long offset, long stride, int rows, int depth, HeapScratch.Block to, int at) {
        var copy = Machine.COPY;
        if (copy == null) {
            return 0;
        }
        int line = BlockCopy.LINE / Float.BYTES;
        copy.copy(
                BlockCopy.LINE,
                from,
                offset,
                stride,
                rows,
                depth / line,
                to.segment(),
                at * 4L,
                ROW * 4L,
                BlockCopy.LINE);
        return depth / line * line;
    }

    /**
     * Left rows that lie side by side for each depth: groups of {@code height} rows as
     * {@code to[g * group(height) + k * height + r]}. Rows up to the next multiple of the height become zero, or anything
     * if that is less than a vector. Up to one vector after the last group is overwritten.
     *
     * @param stride bytes between steps of the depth
     */
    static void leftColumns(
            int height,
            boolean narrow,
            MemorySegment from,
            long offset,
            long stride,
            int rows,
            int depth,
            HeapScratch.Block to) {
        int copied = narrow ? 0 : copyColumns(height, from, offset, stride, rows, depth, to);
        if (copied < rows) {
            long rest = offset + copied * (narrow ? 2L : 4L);
            int at = copied / height * group(height);
            columnGroups(height, narrow, from, rest, stride, rows - copied, depth, to.array(), at);
        }
    }

    /** Copies whole groups of left columns by machine code, if there is any: the number of rows done. */
    private static int copyColumns(
            int height, MemorySegment from, long offset, long stride, int rows, int depth, HeapScratch.Block to) {
        var copy = Machine.COPY;
        int step = height * Float.BYTES;
        if (copy == null || !BlockCopy.copies(step)) {
            return 0;
        }
        int groups = rows / height;
        copy.copy(step, from, offset, stride, depth, groups, to.segment(), 0, step, group(height) * 4L);
        return groups * height;
    }

    private static void columnGroups(
            int height,
            boolean narrow,
            MemorySegment from,
            long offset,
            long stride,
            int rows,
            int depth,
            float[] to,
            int at) {
        int group = group(height);
        for (int k = 0; k < depth; k++) {
            long source = offset + k * stride;
            int step = at + k * height;
            if (height == QUAD.length()) {
                quads(narrow, from, source, rows, to, step, group);
            } else if (height < LANES) {
                overlapping(height, narrow, from, source, rows, to, step, group);
            } else if (narrow) {
                narrowColumn(from, source, rows, to, step, group);
            } else {
                wideColumn(from, source, rows, to, step, group);
            }
        }
    }

    /**
     * Distance of two groups of left columns: one cache line more than they fill at most. At a power of two the part of every group
     * that one step writes would fall into the same set of the cache, and lines would leave it before they are full.
     */
    static int group(int height) {
        return height * KC + 16;
    }

    /**
     * Whole vectors without masks: what is too much lies over the start of the next step, which is written afterwards, or between
     * two groups, or in rows that are not there. Only where the memory of the operand ends are elements copied one by one.
     */
    private static void overlapping(
            int height, boolean narrow, MemorySegment from, long offset, int rows, float[] packed, int at, int group) {
        int groups = MatmulBlocks.count(rows, height);
        int bytes = narrow ? Short.BYTES : Float.BYTES;
        if (offset + ((groups - 1) * height + LANES) * (long) bytes > from.byteSize()) {
            for (int r = 0; r < rows; r++) {
                packed[at + r / height * group + r % height] = element(narrow, from, offset, r);
            }
        } else if (narrow) {
            for (int g = 0; g < groups; g++) {
                wide(from, offset + g * height * 2L).intoArray(packed, at + g * group);
            }
        } else {
            for (int g = 0; g < groups; g++) {
                FloatVector.fromMemorySegment(SPECIES, from, offset + g * height * 4L, ORDER)
                        .intoArray(packed, at + g * group);
            }
        }
    }

    /** Groups of four rows need no masks, which are slow without registers for them. */
    private static void quads(
            boolean narrow, MemorySegment from, long offset, int rows, float[] to, int at, int group) {
        int whole = QUAD.loopBound(rows);
        if (narrow) {
            narrowQuads(from, offset, whole, to, at, group);
        } else {
            wideQuads(from, offset, whole, to, at, group);
        }
        at += whole / MR * group;
        for (int r = whole; r < Math.ceilDiv(rows, MR) * MR; r++) {
            to[at + r - whole] = r < rows ? element(narrow, from, offset, r) : 0;
        }
    }

    private static void wideQuads(MemorySegment from, long offset, int rows, float[] to, int at, int group) {
        for (int r = 0; r < rows; r += MR) {
            FloatVector.fromMemorySegment(QUAD, from, offset + r * 4L, ORDER).intoArray(to, at);
            at += group;
        }
    }

    private static void narrowQuads(MemorySegment from, long offset, int rows, float[] to, int at, int group) {
        for (int r = 0; r < rows; r += MR) {
            ShortVector.fromMemorySegment(ShortVector.SPECIES_64, from, offset + r * 2L, ORDER)
                    .convertShape(VectorOperators.ZERO_EXTEND_S2I, IntVector.SPECIES_128, 0)
                    .reinterpretAsInts()
                    .lanewise(VectorOperators.LSHL, 16)
                    .reinterpretAsFloats()
                    .intoArray(to, at);
            at += group;
        }
    }

    private static float element(boolean narrow, MemorySegment from, long offset, int row) {
        return narrow
                ? Bf16.toFloat(from.get(ValueLayout.JAVA_SHORT_UNALIGNED, offset + row * 2L))
                : from.get(ValueLayout.JAVA_FLOAT_UNALIGNED, offset + row * 4L);
    }

    // Whole vectors are stored over the start of the next step, which is written afterwards; the last step of a group
    // reaches into the next group, whose first step was written before: hence the masks at the last step.
    private static void wideColumn(MemorySegment from, long offset, int rows, float[] to, int at, int group) {
        for (int r = 0; r < rows; r += MR) {
            for (int v = 0; v < MR; v += LANES) {
                var load = SPECIES.indexInRange(r + v, Math.min(rows, r + MR));
                FloatVector.fromMemorySegment(SPECIES, from, offset + (r + v) * 4L, ORDER, load)
                        .intoArray(to, at + v, SPECIES.indexInRange(v, MR));
            }
            at += group;
        }
    }

    private static void narrowColumn(MemorySegment from, long offset, int rows, float[] to, int at, int group) {
        for (int r = 0; r < rows; r += MR) {
            for (int v = 0; v < MR; v += LANES) {
                var load = SHORTS.indexInRange(r + v, Math.min(rows, r + MR));
                wide(from, offset + (r + v) * 2L, load).intoArray(to, at + v, SPECIES.indexInRange(v, MR));
            }
            at += group;
        }
    }

    /**
     * Right panels whose columns lie side by side for each depth, one panel after the other. Columns from
     * {@code columns} to the next multiple of NR become zero.
     *
     * @param stride bytes between steps of the depth
     */
    static void panels(
            boolean narrow,
            MemorySegment from,
            long offset,
            long stride,
            int columns,
            int depth,
            MemorySegment to,
            long at) {
        int whole = columns / NR * NR;
        var copy = narrow || !BlockCopy.copies(PANEL_BYTES) ? null : Machine.COPY;
        if (copy == null) {
            wholePanels(narrow, from, offset, stride, whole, depth, to, at);
        } else {
            long panel = depth * (long) PANEL_BYTES;
            copy.copy(PANEL_BYTES, from, offset, stride, depth, whole / NR, to, at, PANEL_BYTES, panel);
        }
        if (whole < columns) {
            long source = offset + whole * (narrow ? 2L : 4L);
            edgePanel(narrow, from, source, stride, columns - whole, depth, to, at + whole * 4L * depth);
        }
    }

    /** Steps outermost: a step of all panels is one run of memory. */
    private static void wholePanels(
            boolean narrow,
            MemorySegment from,
            long offset,
            long stride,
            int columns,
            int depth,
            MemorySegment to,
            long at) {
        for (int k = 0; k < depth; k++) {
            if (narrow) {
                narrowStep(from, offset + k * stride, columns, to, at + k * (long) PANEL_BYTES, depth);
            } else {
                wideStep(from, offset + k * stride, columns, to, at + k * (long) PANEL_BYTES, depth);
            }
        }
    }

    private static void wideStep(MemorySegment from, long source, int columns, MemorySegment to, long at, int depth) {
        for (int c = 0; c < columns; c += NR) {
            long target = at + c * 4L * depth;
            Lanes.store(Lanes.load(from, source + c * 4L), to, target);
            Lanes.store(Lanes.load(from, source + c * 4L + Lanes.BYTES), to, target + Lanes.BYTES);
        }
    }

    private static void narrowStep(MemorySegment from, long source, int columns, MemorySegment to, long at, int depth) {
        for (int c = 0; c < columns; c += NR) {
            long target = at + c * 4L * depth;
            Lanes.store(wide(from, source + c * 2L), to, target);
            Lanes.store(wide(from, source + c * 2L + HALF_LANE_BYTES), to, target + Lanes.BYTES);
        }
    }

    private static void edgePanel(
            boolean narrow,
            MemorySegment from,
            long offset,
            long stride,
            int columns,
            int depth,
            MemorySegment to,
            long at) {
        for (int k = 0; k < depth; k++) {
            for (int v = 0; v < NR; v += LANES) {
                long target = at + k * (long) PANEL_BYTES + v * 4L;
                Lanes.store(edgeVector(narrow, from, offset + k * stride, v, columns), to, target);
            }
        }
    }

    private static FloatVector edgeVector(boolean narrow, MemorySegment from, long offset, int first, int columns) {
        if (narrow) {
            var mask = SHORTS.indexInRange(first, Math.max(first, columns));
            return wide(from, offset + first * 2L, mask);
        }
        var mask = SPECIES.indexInRange(first, Math.max(first, columns));
        return FloatVector.fromMemorySegment(SPECIES, from, offset + first * 4L, ORDER, mask);
    }

    /**
     * A right panel whose columns each have contiguous depth. Columns from {@code columns} to NR become zero.
     *
     * @param stride bytes between columns
     * @param buffer at least {@link #TURN} floats
     * @param block at least {@link MatmulTurn#BLOCK} floats
     */
    static void turnedPanel(
            boolean narrow,
            MemorySegment from,
            long offset,
            long stride,
            int columns,
            int depth,
            MemorySegment to,
            long at,
            HeapScratch.Block buffer,
            float[] block) {
        for (int c = 0; c < NR; c += LANES) {
            int count = Math.clamp(columns - c, 0, LANES);
            int whole = narrow || count < LANES ? 0 : SPECIES.loopBound(depth);
            MatmulTurn.columns(from, offset + c * stride, stride, whole, block, to, at + c * 4L, PANEL_BYTES);
            if (whole < depth) {
                long source = offset + c * stride + whole * (narrow ? 2L : 4L);
                long target = at + whole * (long) PANEL_BYTES + c * 4L;
                turnedEdge(narrow, from, source, stride, count, depth - whole, to, target, buffer, block);
            }
        }
    }

    /** Columns of one vector that cannot be transposed in place: they are copied first, with zeros around them. */
    private static void turnedEdge(
            boolean narrow,
            MemorySegment from,
            long offset,
            long stride,
            int columns,
            int depth,
            MemorySegment to,
            long at,
            HeapScratch.Block buffer,
            float[] block) {
        for (int c = 0; c < columns; c++) {
            row(narrow, from, offset + c * stride, depth, buffer.array(), c * ROW);
        }
        for (int c = columns; c < LANES; c++) {
            Arrays.fill(buffer.array(), c * ROW, c * ROW + depth, 0);
        }
        turn(buffer, depth, block, to, at, PANEL_BYTES);
    }

    /** Turns columns of 32 bits, {@link MicroKernel#ROW} floats apart in {@code buffer}, into steps {@code stride} bytes apart. */
    private static void turn(
            HeapScratch.Block buffer, int depth, float[] block, MemorySegment to, long at, long stride) {
        int whole = SPECIES.loopBound(depth);
        MatmulTurn.columns(buffer.segment(), 0, ROW * 4L, whole, block, to, at, stride);
        if (whole < depth) {
            MatmulTurn.turn(buffer.array(), whole, ROW, block, to, at + whole * stride, stride, depth - whole);
        }
    }

    /**
     * A right panel of BF16 columns that each have contiguous depth, in the pairs of {@link MicroKernel#narrowRows}. Columns
     * from {@code columns} to NR become zero.
     *
     * @param stride bytes between columns
     * @param buffer at least {@link #TURN} floats
     * @param block at least {@link MatmulTurn#BLOCK} floats
     */
    static void pairedPanel(
            MemorySegment from,
            long offset,
            long stride,
            int columns,
            int depth,
            MemorySegment to,
            long at,
            HeapScratch.Block buffer,
            float[] block) {
        int turned = columns == NR ? MatmulTurn.pairs(from, offset, stride, depth, to, at) : 0;
        if (turned < depth) {
            long source = offset + turned * 2L;
            long target = at + turned * (long) HALF_BYTES;
            pairedEdge(from, source, stride, columns, depth - turned, to, target, buffer, block);
        }
    }

    /** Steps for which there is no machine code. */
    private static void pairedEdge(
            MemorySegment from,
            long offset,
            long stride,
            int columns,
            int depth,
            MemorySegment to,
            long at,
            HeapScratch.Block buffer,
            float[] block) {
        for (int c = 0; c < LANES; c++) {
            long low = offset + c * stride;
            pairs(from, low, low + LANES * stride, columns - c, depth, buffer.array(), c * ROW);
        }
        turn(buffer, depth, block, to, at, HALF_BYTES);
    }

    /**
     * A column in the low halves and another in the high ones, zeros for those of the two that are not there. Columns are read
     * one after the other: a few elements of all in turn would be from one set of the first-level cache, which holds fewer.
     */
    private static void pairs(MemorySegment from, long low, long high, int columns, int depth, float[] to, int at) {
        for (int k = 0; k < depth; k += LANES) {
            int count = depth - k;
            var first = columns > 0 ? bits(from, low + k * 2L, count) : IntVector.zero(INTS);
            var second = columns > LANES ? bits(from, high + k * 2L, count) : IntVector.zero(INTS);
            first.or(second.lanewise(VectorOperators.LSHL, 16))
                    .reinterpretAsFloats()
                    .intoArray(to, at + k);
        }
    }

    /** The first {@code count} of a vector of BF16 elements, each in the low half of a lane, and zeros. */
    static IntVector bits(MemorySegment from, long offset, int count) {
        var bits = count >= LANES
                ? ShortVector.fromMemorySegment(SHORTS, from, offset, ORDER)
                : ShortVector.fromMemorySegment(SHORTS, from, offset, ORDER, SHORTS.indexInRange(0, count));
        return bits.convertShape(VectorOperators.ZERO_EXTEND_S2I, INTS, 0).reinterpretAsInts();
    }
}
