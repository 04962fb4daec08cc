package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.LANES;
import static io.coda4j.tensor.cpu.MicroKernel.MR;
import static io.coda4j.tensor.cpu.MicroKernel.NR;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.tensor.cpu.x86.MachineKernels;
import io.coda4j.tensor.cpu.x86.TileProduct;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

/** Panels against the description of their layouts, element by element: by machine code where it can run, and at the edges. */
class MatmulPackTest {
    private static final int GAP = 3;

    private final HeapScratch.Block buffer = HeapScratch.Block.of(MatmulPack.TURN);
    private final float[] block = new float[MatmulTurn.BLOCK];

    /** Depths that are likely to be whole, or up to a vector more. */
    @Property(tries = 300)
    void pairedPanelsHoldTwoColumnsToALane(
            @ForAll @IntRange(min = 0, max = 4) int wholes,
            @ForAll @IntRange(min = 0, max = 20) int rest,
            @ForAll boolean isFull,
            @ForAll @IntRange(min = 1, max = 64) int some) {
        int depth = Math.max(1, wholes * 16 + (rest > 16 ? 0 : rest));
        int columns = isFull ? NR : Math.min(some, NR);
        int stride = depth + GAP;
        short[] elements = new short[GAP + columns * stride];
        for (int i = 0; i < elements.length; i++) {
            elements[i] = (short) (0x9e37 * (i + 1));
        }
        int[] expected = new int[GAP + depth * LANES];
        for (int k = 0; k < depth; k++) {
            for (int c = 0; c < LANES; c++) {
                int low = c < columns ? elements[GAP + c * stride + k] : 0;
                int high = c + LANES < columns ? elements[GAP + (c + LANES) * stride + k] : 0;
                expected[GAP + k * LANES + c] = low & 0xffff | high << 16;
            }
        }
        try (var arena = Arena.ofConfined()) {
            var from = arena.allocateFrom(ValueLayout.JAVA_SHORT, elements);
            var to = arena.allocate(expected.length * 4L, 4);
            MatmulPack.pairedPanel(from, GAP * 2L, stride * 2L, columns, depth, to, GAP * 4L, buffer, block);
            assertArrayEquals(expected, to.toArray(ValueLayout.JAVA_INT));
        }
    }

    @Property(tries = 300)
    void turnedPanelsHoldAStepOfAllColumnsSideBySide(
            @ForAll boolean narrow,
            @ForAll @IntRange(min = 1, max = 80) int depth,
            @ForAll boolean isFull,
            @ForAll @IntRange(min = 1, max = 64) int some) {
        int columns = isFull ? NR : Math.min(some, NR);
        int stride = depth + GAP;
        int count = GAP + columns * stride;
        float[] expected = new float[GAP + depth * NR];
        try (var arena = Arena.ofConfined()) {
            var from = narrow ? arena.allocate(count * 2L, 4) : arena.allocate(count * 4L, 4);
            for (int i = 0; i < count; i++) {
                put(narrow, from, i);
            }
            for (int k = 0; k < depth; k++) {
                for (int c = 0; c < columns; c++) {
                    expected[GAP + k * NR + c] = value(narrow, GAP + c * stride + k);
                }
            }
            var to = arena.allocate(expected.length * 4L, 4);
            long size = narrow ? 2 : 4;
            MatmulPack.turnedPanel(
                    narrow, from, GAP * size, stride * size, columns, depth, to, GAP * 4L, buffer, block);
            assertArrayEquals(expected, to.toArray(ValueLayout.JAVA_FLOAT));
        }
    }

    /** Groups of the height of the tiles here; what lies beside the rows is not read, and memory ends behind the last of them. */
    @Property(tries = 300)
    void leftColumnsLieInGroupsOfTheHeightOfATile(
            @ForAll boolean narrow,
            @ForAll boolean forMachineCode,
            @ForAll @IntRange(min = 1, max = 50) int rows,
            @ForAll @IntRange(min = 1, max = 40) int depth,
            @ForAll @IntRange(min = 0, max = GAP) int gap) {
        int height = forMachineCode
                ? MachineKernels.ofProcess().f32(NR).map(TileProduct::rows).orElse(MR)
                : MR;
        int stride = rows + gap;
        int count = GAP + (depth - 1) * stride + rows;
        int groups = MatmulBlocks.count(rows, height);
        var packed = HeapScratch.Block.of(groups * MatmulPack.group(height) + LANES);
        try (var arena = Arena.ofConfined()) {
            long size = narrow ? 2 : 4;
            var from = arena.allocate(count * size, size);
            for (int i = 0; i < count; i++) {
                put(narrow, from, i);
            }
            MatmulPack.leftColumns(height, narrow, from, GAP * size, stride * size, rows, depth, packed);
        }
        for (int r = 0; r < rows; r++) {
            for (int k = 0; k < depth; k++) {
                int at = r / height * MatmulPack.group(height) + k * height + r % height;
                assertEquals(value(narrow, GAP + k * stride + r), packed.array()[at], "row " + r + ", step " + k);
            }
        }
    }

    /** Numbers that BF16 holds, too, if {@code narrow}. */
    private static float value(boolean narrow, int i) {
        return narrow ? Float.intBitsToFloat((0x3f00 + i % 0x100) << 16) : i + 0.25f;
    }

    private static void put(boolean narrow, MemorySegment to, int i) {
        if (narrow) {
            to.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (Float.floatToRawIntBits(value(true, i)) >>> 16));
        } else {
            to.setAtIndex(ValueLayout.JAVA_FLOAT, i, value(false, i));
        }
    }
}
