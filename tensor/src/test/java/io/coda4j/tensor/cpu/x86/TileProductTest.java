package io.coda4j.tensor.cpu.x86;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.testing.Requirement;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.ObjLongConsumer;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The F32 kernels as bytes on the interpreter, and on the processor where it can run there. */
class TileProductTest {
    /** How the left rows lie: one after the other, by columns in groups, or as the columns of a matrix. */
    private enum Form {
        ROWS,
        GROUPS,
        TURNED;

        TileProduct.Left left(TileKernel kernel, int rows, int depth) {
            return switch (this) {
                case ROWS -> TileProduct.Left.rows((depth + 3) * 4L, 4);
                case GROUPS -> new TileProduct.Left(4, kernel.rows() * 4L, (kernel.rows() * depth + 16) * 4L);
                case TURNED -> TileProduct.Left.rows(4, (rows + 5) * 4L);
            };
        }
    }

    /** One product of random elements. */
    private record Case(
            TileKernel kernel,
            Form form,
            int rows,
            int depth,
            boolean narrow,
            boolean add,
            float scale,
            boolean arrays) {
        private int stride() {
            return kernel.columns() + rows % 3;
        }

        private TileProduct.Left left() {
            return form.left(kernel, rows, depth);
        }

        /** Bytes from a tile to the next. */
        private long tile() {
            return form == Form.GROUPS ? left().tile() : kernel.rows() * left().row();
        }

        private MemorySegment random(Arena arena, int floats, long seed, boolean array) {
            var random = new SplittableRandom(seed);
            var memory = array ? MemorySegment.ofArray(new float[floats]) : arena.allocate(floats * 4L, 64);
            for (int i = 0; i < floats; i++) {
                memory.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (random.nextDouble() * 2 - 1));
            }
            return memory;
        }

        private MemorySegment left(Arena arena) {
            long tiles = Math.ceilDiv(rows, kernel.rows());
            long bytes = tiles * tile() + kernel.rows() * left().row() + depth * left().depth();
            return random(arena, (int) (bytes / 4), 1, arrays);
        }

        private MemorySegment panel(Arena arena) {
            return random(arena, depth * kernel.columns() / (narrow ? 2 : 1), 2, false);
        }

        private MemorySegment sums(Arena arena) {
            return random(arena, rows * stride() + 8, 3, arrays);
        }

        float[] run(TileProduct product) {
            try (var arena = Arena.ofConfined()) {
                var c = sums(arena);
                product.multiply(
                        left(),
                        left(arena),
                        0,
                        rows,
                        depth,
                        narrow,
                        panel(arena),
                        0,
                        0,
                        c,
                        0,
                        stride() * 4L,
                        scale,
                        add);
                return c.toArray(ValueLayout.JAVA_FLOAT);
            }
        }

        /** By the definition, with what lies between the sums. */
        float[] expected() {
            try (var arena = Arena.ofConfined()) {
                var a = left(arena);
                var panel = panel(arena);
                float[] sums = sums(arena).toArray(ValueLayout.JAVA_FLOAT);
                for (int r = 0; r < rows; r++) {
                    for (int c = 0; c < kernel.columns(); c++) {
                        float sum = 0;
                        for (int k = 0; k < depth; k++) {
                            sum = Math.fma(element(a, r, k), weight(panel, k, c), sum);
                        }
                        int at = r * stride() + c;
                        sums[at] = sum * scale + (add ? sums[at] : 0);
                    }
                }
                return sums;
            }
        }

        private float element(MemorySegment a, int r, int k) {
            long at = r / kernel.rows() * tile() + r % kernel.rows() * left().row() + k * left().depth();
            return a.get(ValueLayout.JAVA_FLOAT_UNALIGNED, at);
        }

        private float weight(MemorySegment panel, int k, int c) {
            if (!narrow) {
                return panel.getAtIndex(ValueLayout.JAVA_FLOAT, k * kernel.columns() + c);
            }
            int pair = panel.getAtIndex(ValueLayout.JAVA_INT, k * kernel.lanes() + c % kernel.lanes());
            return Numbers.half(pair, c / kernel.lanes());
        }

        void check(TileProduct product) {
            assertArrayEquals(expected(), run(product), toString());
        }
    }

    private static TileProduct onTheProcessor(TileKernel kernel) {
        Requirement.require("machine-code", LinuxCalls.unusableBecause());
        var features = CpuFeatures.of(new NativeProcessor(), "");
        Requirement.require(
                kernel.toString(), kernel.unusableBecause(features).map(why -> kernel + " cannot run here: " + why));
        return new TileProduct(kernel, new NativeTileCode(ExecutableMemory.of(kernel.routines())));
    }

    @ParameterizedTest
    @EnumSource
    void theBytesComputeTheDefinitionBitForBit(TileKernel kernel) {
        var product = InterpretedTileCode.product(kernel);
        for (var form : Form.values()) {
            for (int rows = 1; rows <= 2 * kernel.rows() + 3; rows++) {
                for (boolean narrow : new boolean[] {false, true}) {
                    float scale = rows % 5 == 0 ? 0.3f : 1;
                    new Case(kernel, form, rows, 1 + rows % 4, narrow, rows % 3 == 0, scale, false).check(product);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void theProcessorComputesTheSame(TileKernel kernel) {
        var product = onTheProcessor(kernel);
        assertEquals(Optional.empty(), TileSelfCheck.failure(product));
        for (var form : Form.values()) {
            for (int rows = 1; rows <= 40; rows++) {
                for (int depth : new int[] {1, 2, 7, 64, 256, 300}) {
                    for (int i = 0; i < 8; i++) {
                        float scale = i < 4 ? 1 : 0.125f + rows;
                        new Case(kernel, form, rows, depth, (i & 1) != 0, (i & 2) != 0, scale, i > 2).check(product);
                    }
                }
            }
        }
    }

    /** Infinities, NaN, denormal numbers and zeros with signs go through as in the definition. */
    @ParameterizedTest
    @EnumSource
    void specialNumbersAreKept(TileKernel kernel) {
        var product = onTheProcessor(kernel);
        int columns = kernel.columns();
        float[] specials = {
            0f, -0f, Float.MIN_VALUE, -Float.MIN_VALUE, Float.MIN_NORMAL, Float.MAX_VALUE, Float.NEGATIVE_INFINITY, 1f
        };
        try (var arena = Arena.ofConfined()) {
            var a = arena.allocate(4);
            var panel = arena.allocate(columns * 4L, 64);
            var c = arena.allocate(columns * 4L);
            for (float left : specials) {
                for (int i = 0; i < columns; i++) {
                    panel.setAtIndex(ValueLayout.JAVA_FLOAT, i, specials[i % specials.length]);
                }
                a.set(ValueLayout.JAVA_FLOAT, 0, left);
                product.multiply(
                        TileProduct.Left.rows(4, 4), a, 0, 1, 1, false, panel, 0, -1, c, 0, columns * 4L, 1, false);
                for (int i = 0; i < columns; i++) {
                    float expected = Math.fma(left, specials[i % specials.length], 0f);
                    assertEquals(expected, c.getAtIndex(ValueLayout.JAVA_FLOAT, i), left + " times column " + i);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void longProductsTakeSeveralShortCalls(TileKernel kernel) {
        int[] calls = {0};
        var product = new TileProduct(kernel, (routine, _, _, _, _, _, _, _, _, _, _, depth, _, _, tiles, _) -> {
            calls[0]++;
            long work = (routine % kernel.rows() + 1) * tiles * depth * kernel.columns();
            assertTrue(work <= 1 << 21, () -> "a call of " + work + " multiply-adds takes too long");
        });
        var test = new Case(kernel, Form.ROWS, 1001, 1000, false, false, 1, false);
        test.run(product);
        assertTrue(calls[0] > 5, () -> calls[0] + " calls");
    }

    /** Tiles ask for equal parts of the next panel in turn; where that were too much for each, the first asks for all. */
    @Test
    void tilesShareTheRequestsForTheNextPanel() {
        long columns = TileKernel.AVX2_F32.columns() * 4L;
        try (var arena = Arena.ofConfined()) {
            var a = arena.allocate(1000 * 256 * 4L);
            var panel = arena.allocate(2 * 256 * columns, 64);
            var c = arena.allocate(1000 * columns);
            for (int rows : new int[] {6, 90, 91, 1000}) {
                var asked = new ArrayList<Long>();
                var product = new TileProduct(
                        TileKernel.AVX2_F32, (_, _, _, _, _, _, _, _, _, _, next, _, _, _, tiles, ahead) -> {
                            for (int tile = 0; tile < tiles && next != 0 && ahead > 0; tile++) {
                                asked.add((next - panel.address() + tile * ahead * 64) / 64);
                            }
                            assertTrue(ahead <= 16, () -> ahead + " lines at once");
                            assertEquals(rows < 91, ahead == 0, rows + " rows");
                        });
                var left = TileProduct.Left.rows(256 * 4L, 4);
                product.multiply(left, a, 0, rows, 256, false, panel, 0, 256 * columns, c, 0, columns, 1, false);
                int each = Math.ceilDiv(256, Math.ceilDiv(rows, 6));
                var expected = LongStream.range(0, asked.size()).mapToObj(tile -> 256 + tile * each);
                assertEquals(expected.toList(), asked, rows + " rows");
                assertTrue(rows < 91 || asked.size() * each >= 256, () -> asked + " do not cover the panel");
            }
        }
    }

    /** The last tiles are made even: seven rows are four and three. */
    @Test
    void aLastTileOfFewRowsIsAvoided() {
        assertEquals(
                "2: 2x1 6: 6x1 7: 4x1 3x1 8: 4x1 4x1 9: 6x1 3x1 13: 6x1 4x1 3x1 20: 6x2 4x1 4x1 ",
                talls(TileKernel.AVX2_F32, 2, 6, 7, 8, 9, 13, 20));
        assertEquals(
                "12: 12x1 13: 8x1 5x1 16: 8x1 8x1 17: 12x1 5x1 28: 12x1 8x1 8x1 ",
                talls(TileKernel.AVX512_F32, 12, 13, 16, 17, 28));
    }

    /** For each number of rows its tiles: the rows of one, times how many. */
    private static String talls(TileKernel kernel, int... numbers) {
        var talls = new StringBuilder();
        var product = new TileProduct(
                kernel,
                (routine, _, _, _, _, _, _, _, _, _, _, _, _, _, tiles, _) -> talls.append(routine % kernel.rows() + 1)
                        .append('x')
                        .append(tiles)
                        .append(' '));
        for (int rows : numbers) {
            talls.append(rows).append(": ");
            new Case(kernel, Form.ROWS, rows, 3, false, false, 1, false).run(product);
        }
        return talls.toString();
    }

    @ParameterizedTest
    @EnumSource
    void theSelfCheckAcceptsTheKernelAndFindsFaults(TileKernel kernel) {
        assertEquals(Optional.empty(), TileSelfCheck.failure(InterpretedTileCode.product(kernel)));
        var code = new InterpretedTileCode(kernel);
        long row = kernel.columns() * 4L;
        // Another sum, a store behind the sums, a step left out, and old sums forgotten.
        assertFound(
                kernel,
                spoilt(
                        code,
                        (c, at) -> c.set(
                                ValueLayout.JAVA_INT, at + row - 4, c.get(ValueLayout.JAVA_INT, at + row - 4) ^ 1)));
        assertFound(kernel, spoilt(code, (c, at) -> c.set(ValueLayout.JAVA_FLOAT, at + row, 0f)));
        assertFound(
                kernel,
                (routine, a, c, panel, aRow, aDepth, stride, aAt, cAt, aTile, next, depth, add, scale, tiles, ahead) ->
                        code.run(
                                routine, a, c, panel, aRow, aDepth, stride, aAt, cAt, aTile, next, depth - 1, add,
                                scale, tiles, ahead));
        assertFound(
                kernel,
                (routine, a, c, panel, aRow, aDepth, stride, aAt, cAt, aTile, next, depth, add, scale, tiles, ahead) ->
                        code.run(
                                routine, a, c, panel, aRow, aDepth, stride, aAt, cAt, aTile, next, depth, 0, scale,
                                tiles, ahead));
    }

    /** What {@code damage} does after {@code code} to the memory of the sums, of which the first lies at a byte. */
    private static TileCode spoilt(TileCode code, ObjLongConsumer<MemorySegment> damage) {
        return (routine, a, c, panel, aRow, aDepth, stride, aAt, cAt, aTile, next, depth, add, scale, tiles, ahead) -> {
            code.run(
                    routine, a, c, panel, aRow, aDepth, stride, aAt, cAt, aTile, next, depth, add, scale, tiles, ahead);
            damage.accept(c, cAt);
        };
    }

    private static void assertFound(TileKernel kernel, TileCode code) {
        var failure = TileSelfCheck.failure(new TileProduct(kernel, code));
        assertTrue(failure.orElse("").contains("its self-check"), "nothing found");
    }

    @Test
    void nothingOutsideOfTheSegmentsIsTouched() {
        var product = new TileProduct(TileKernel.AVX2_F32, (_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _) -> {
            throw new AssertionError("called");
        });
        try (var arena = Arena.ofConfined()) {
            var a = arena.allocate(7 * 20);
            var panel = arena.allocate(5 * 64);
            var c = arena.allocate(7 * 64);
            var rows = TileProduct.Left.rows(20, 4);
            assertOutside(() -> product.multiply(rows, a, 4, 7, 5, false, panel, 0, -1, c, 0, 64, 1, false));
            assertOutside(() -> product.multiply(rows, a, -4, 7, 5, false, panel, 0, -1, c, 0, 64, 1, false));
            assertOutside(() -> product.multiply(rows, a, 0, 8, 5, false, panel, 0, -1, c, 0, 48, 1, false));
            assertOutside(() -> product.multiply(rows, a, 0, 7, 5, false, panel, 4, -1, c, 0, 64, 1, false));
            assertOutside(() -> product.multiply(rows, a, 0, 7, 5, false, panel, 0, -1, c, 0, 65, 1, false));
            assertOutside(() -> product.multiply(rows, a, 0, 7, 5, false, panel, 0, -1, c, 4, 64, 1, false));
            assertOutside(() -> product.multiply(rows, a, 0, 7, 6, true, panel, 0, -1, c, 0, 64, 1, false));
            assertOutside(() -> product.multiply(rows, a, 0, 0, 5, false, panel, 0, -1, c, 0, 64, 1, false));
            assertOutside(() -> product.multiply(rows, a, 0, 7, 0, false, panel, 0, -1, c, 0, 64, 1, false));
            var far = new TileProduct.Left(20, 4, 124);
            assertOutside(() -> product.multiply(far, a, 0, 7, 5, false, panel, 0, -1, c, 0, 64, 1, false));
            var back = TileProduct.Left.rows(-20, 4);
            assertOutside(() -> product.multiply(back, a, 120, 2, 5, false, panel, 0, -1, c, 0, 64, 1, false));
            var heap = MemorySegment.ofArray(new float[80]);
            assertOutside(() -> product.multiply(rows, a, 0, 7, 5, false, heap, 0, -1, c, 0, 64, 1, false));
        }
    }

    /** A row of a tensor may have more than 2^31 bytes. */
    @Test
    @SuppressWarnings("restricted")
    void rowsMayBeFarApart() {
        long distance = (1L << 31) + 64;
        var places = new ArrayList<Long>();
        var product =
                new TileProduct(TileKernel.AVX2_F32, (_, _, _, _, aRow, _, cStride, aAt, cAt, _, _, _, _, _, _, _) -> {
                    places.addAll(List.of(aRow, cStride, aAt, cAt));
                });
        try (var arena = Arena.ofConfined()) {
            var panel = arena.allocate(64);
            var far = MemorySegment.NULL.reinterpret(1L << 40);
            product.multiply(
                    TileProduct.Left.rows(distance, 4), far, 8, 7, 1, false, panel, 0, -1, far, 4, distance, 1, false);
        }
        var second = 4 * distance;
        assertEquals(List.of(distance, distance, 8L, 4L, distance, distance, 8 + second, 4 + second), places);
    }

    /** A tile is not cut along its depth, which must not keep safepoints waiting, nor overflow the requests for the next panel. */
    @ParameterizedTest
    @EnumSource
    @SuppressWarnings("restricted")
    void aTileIsDoneWithinTheTimeOfACall(TileKernel kernel) {
        var product = new TileProduct(kernel, (_, _, _, _, _, _, _, _, _, _, _, depth, _, _, tiles, ahead) -> {
            assertEquals(1, tiles);
            assertEquals(0, ahead);
            assertTrue(depth * kernel.rows() * kernel.columns() <= 1 << 21, () -> "a depth of " + depth);
        });
        var left = TileProduct.Left.rows(0, 0);
        try (var arena = Arena.ofConfined()) {
            var c = arena.allocate(kernel.columns() * 4L);
            // Its first byte is there; nothing else is touched.
            var far = arena.allocate(64).reinterpret(1L << 40);
            int rows = kernel.rows();
            product.multiply(left, c, 0, rows, TileProduct.MAX_DEPTH, false, far, 0, 0, c, 0, 0, 1, false);
            for (int depth : new int[] {TileProduct.MAX_DEPTH + 1, 1 << 25, Integer.MAX_VALUE}) {
                assertOutside(() -> product.multiply(left, c, 0, rows, depth, false, far, 0, 0, c, 0, 0, 1, false));
            }
        }
    }

    @Test
    void memoryThatMayNotBeUsedIsRefused() {
        var product = new TileProduct(TileKernel.AVX2_F32, (_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _) -> {
            throw new AssertionError("called");
        });
        var row = TileProduct.Left.rows(4, 4);
        try (var arena = Arena.ofConfined()) {
            var memory = arena.allocate(64);
            var gone = Arena.ofConfined();
            var closed = gone.allocate(64);
            gone.close();
            assertThrows(
                    IllegalStateException.class,
                    () -> product.multiply(row, memory, 0, 1, 1, false, closed, 0, -1, memory, 0, 64, 1, false));
            var fixed = memory.asReadOnly();
            assertThrows(
                    IllegalArgumentException.class,
                    () -> product.multiply(row, memory, 0, 1, 1, false, memory, 0, -1, fixed, 0, 64, 1, false));
        }
    }

    private static void assertOutside(Runnable call) {
        assertThrows(IndexOutOfBoundsException.class, call::run);
    }

    @ParameterizedTest
    @EnumSource
    void objdumpKnowsEveryInstruction(TileKernel kernel, @TempDir Path folder) throws IOException {
        Binutils.require();
        for (byte[] routine : kernel.routines()) {
            var lines = Binutils.disassemble(folder, routine);
            assertTrue(lines.size() > 20, lines::toString);
            assertTrue(lines.stream().noneMatch(line -> line.contains("bad")), lines::toString);
            assertEquals("ret", lines.getLast());
        }
    }

    /** With arrays, which must not move while they are read, and a collector that would like to move them. */
    @ParameterizedTest
    @EnumSource
    void manyProductsOfArraysSurviveTheCollector(TileKernel kernel) {
        var product = onTheProcessor(kernel);
        var test = new Case(kernel, Form.ROWS, 13, 64, false, false, 1, true);
        float[] expected = test.expected();
        byte[][] garbage = new byte[64][];
        for (int i = 0; i < 20_000; i++) {
            garbage[i % garbage.length] = new byte[10_000];
            assertArrayEquals(expected, test.run(product));
        }
        assertEquals(10_000, garbage[0].length);
    }
}
