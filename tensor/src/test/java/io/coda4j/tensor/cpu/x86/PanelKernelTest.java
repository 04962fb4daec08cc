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
import java.util.concurrent.CompletableFuture;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Each kernel as bytes on the interpreter, and on the processor where it can run there. */
class PanelKernelTest {
    private static final float[] SMALL = {0f, -0f, Float.MIN_VALUE, 0x1p-127f, -0x1p-130f, Float.MIN_NORMAL, 0x1p-70f};

    /** Rare, because they spoil every sum that they reach. */
    private static final float[] LARGE = {0x1.fep127f, Float.NEGATIVE_INFINITY, Float.NaN};

    /** One product of random rows with random distances. */
    private record Case(PanelKernel kernel, int rows, int steps, boolean add, long seed, boolean special) {
        int aStride() {
            return steps * PanelProduct.STEP_BYTES + 4 * (int) (seed % 9);
        }

        int cStride() {
            return PanelProduct.COLUMNS * 4 + 4 * (int) (seed % 5);
        }

        MemorySegment random(Arena arena, long bytes, long which) {
            var random = new SplittableRandom(seed * 31 + which);
            var memory = arena.allocate(bytes, 64);
            for (long i = 0; i + 1 < bytes; i += 2) {
                memory.set(ValueLayout.JAVA_SHORT, i, element(random));
            }
            return memory;
        }

        private short element(SplittableRandom random) {
            if (kernel.elements() != PanelKernel.Elements.BF16) {
                return (short) random.nextInt();
            }
            int draw = special ? random.nextInt(2000) : 0;
            float value = draw > 1800
                    ? SMALL[draw % SMALL.length]
                    : draw == 1000 ? LARGE[random.nextInt(LARGE.length)] : (float) (random.nextDouble() * 2 - 1);
            return (short) (Float.floatToRawIntBits(value) >>> 16);
        }

        /** The bits of the sums before and after, guards included. */
        int[] run(PanelProduct product, boolean before) {
            try (var arena = Arena.ofConfined()) {
                var a = random(arena, (long) rows * aStride(), 1);
                var panel = random(arena, (long) steps * kernel.panelStepBytes(), 2);
                var c = random(arena, (long) rows * cStride(), 3);
                if (!before) {
                    product.multiply(a, 0, aStride(), panel, 0, c, 0, cStride(), rows, steps, add);
                }
                return c.toArray(ValueLayout.JAVA_INT);
            }
        }

        /** What the definition makes of the sums. */
        int[] expected() {
            int[] sums = run(InterpretedCode.product(kernel), true);
            try (var arena = Arena.ofConfined()) {
                var a = random(arena, (long) rows * aStride(), 1);
                var panel = random(arena, (long) steps * kernel.panelStepBytes(), 2);
                for (int r = 0; r < rows; r++) {
                    int row = r;
                    for (int c = 0; c < PanelProduct.COLUMNS; c++) {
                        int column = c;
                        int at = r * cStride() / 4 + c;
                        sums[at] = sum(
                                add ? sums[at] : 0,
                                k -> a.get(ValueLayout.JAVA_INT, (long) row * aStride() + 4L * k),
                                k -> group(panel, k * PanelProduct.COLUMNS + column));
                    }
                }
            }
            return sums;
        }

        /** What of a panel meets 32 bits of a row. */
        private int group(MemorySegment panel, int index) {
            return kernel.elements() == PanelKernel.Elements.I16_I8
                    ? panel.getAtIndex(ValueLayout.JAVA_SHORT, index)
                    : panel.getAtIndex(ValueLayout.JAVA_INT, index);
        }

        private int sum(int old, IntFunction<Integer> a, IntFunction<Integer> b) {
            int groups = PanelProduct.STEP_BYTES / 4;
            int sum = old;
            for (int step = 0; step < steps; step++) {
                float lower = 0;
                float upper = 0;
                for (int k = step * groups; k < (step + 1) * groups; k++) {
                    int left = a.apply(k);
                    int right = b.apply(k);
                    lower = Numbers.fma(Numbers.half(left, 0), Numbers.half(right, 0), lower);
                    upper = Numbers.fma(Numbers.half(left, 1), Numbers.half(right, 1), upper);
                    sum = switch (kernel) {
                        case AMX_BF16 -> sum;
                        case AVX512_BF16 -> Numbers.bits(Numbers.dotBf16(Float.intBitsToFloat(sum), left, right));
                        case AMX_INT8 -> Numbers.dotSigned(sum, left, right);
                        case AVX512_VNNI, AVX_VNNI -> Numbers.dotUnsignedSigned(sum, left, right);
                        case AVX2_INT8 -> sum + Numbers.dotWords(left, Numbers.words(right));
                    };
                }
                if (kernel == PanelKernel.AMX_BF16) {
                    sum = Numbers.bits(Numbers.sum(Float.intBitsToFloat(sum), Numbers.sum(lower, upper)));
                }
            }
            return sum;
        }

        void check(int[] expected, int[] got) {
            for (int i = 0; i < expected.length; i++) {
                if (!same(expected[i], got[i])) {
                    throw new AssertionError(this + ": 0x" + Integer.toHexString(expected[i]) + " expected at row "
                            + i / (cStride() / 4) + ", column " + i % (cStride() / 4) + ", got 0x"
                            + Integer.toHexString(got[i]));
                }
            }
        }

        private boolean same(int a, int b) {
            boolean nans = kernel.elements() == PanelKernel.Elements.BF16
                    && Float.isNaN(Float.intBitsToFloat(a))
                    && Float.isNaN(Float.intBitsToFloat(b));
            return a == b || nans;
        }
    }

    @ParameterizedTest
    @EnumSource
    void theBytesComputeTheDefinitionBitForBit(PanelKernel kernel) {
        var product = InterpretedCode.product(kernel);
        for (int rows = 1; rows <= kernel.rows() + 1; rows++) {
            for (boolean add : new boolean[] {false, true}) {
                var test = new Case(kernel, rows, 1 + rows % 2, add, rows, true);
                test.check(test.expected(), test.run(product, false));
            }
        }
        for (int steps : new int[] {3, 4, 7, PanelProduct.MAX_STEPS}) {
            var test = new Case(kernel, kernel.rows() + 1, steps, true, steps, true);
            test.check(test.expected(), test.run(product, false));
        }
    }

    @ParameterizedTest
    @EnumSource
    void partsOfTheDepthGiveTheSameBits(PanelKernel kernel) {
        var product = InterpretedCode.product(kernel);
        int rows = kernel.rows() + 1;
        var test = new Case(kernel, rows, 5, false, 11, false);
        int[] whole = test.run(product, false);
        try (var arena = Arena.ofConfined()) {
            var a = test.random(arena, (long) rows * test.aStride(), 1);
            var panel = test.random(arena, 5L * kernel.panelStepBytes(), 2);
            var c = test.random(arena, (long) rows * test.cStride(), 3);
            product.multiply(a, 0, test.aStride(), panel, 0, c, 0, test.cStride(), rows, 2, false);
            long a2 = 2L * PanelProduct.STEP_BYTES;
            long panel2 = 2L * kernel.panelStepBytes();
            product.multiply(a, a2, test.aStride(), panel, panel2, c, 0, test.cStride(), rows, 3, true);
            assertArrayEquals(whole, c.toArray(ValueLayout.JAVA_INT));
        }
    }

    /** More rows than one call may compute. */
    @ParameterizedTest
    @EnumSource
    void longProductsTakeSeveralCalls(PanelKernel kernel) {
        int[] calls = {0};
        var code = new InterpretedCode(kernel);
        var product = new PanelProduct(kernel, (tall, a, aStride, panel, c, cStride, steps, add, tiles, blocks) -> {
            calls[0]++;
            assertTrue(tall * blocks * steps * 512 <= 1 << 21, "a call takes too long");
            code.run(tall, a, aStride, panel, c, cStride, steps, add, tiles, blocks);
        });
        var test = new Case(kernel, 266, 16, false, 7, false);
        test.check(test.expected(), test.run(product, false));
        assertTrue(calls[0] >= 2, () -> calls[0] + " calls");
    }

    @ParameterizedTest
    @EnumSource
    void theSelfCheckAcceptsTheKernel(PanelKernel kernel) {
        assertEquals(Optional.empty(), SelfCheck.failure(InterpretedCode.product(kernel)));
    }

    /** A kernel that is wrong in one bit, one row or one step, or writes too much, must not pass. */
    @ParameterizedTest
    @EnumSource
    void theSelfCheckFindsDefects(PanelKernel kernel) {
        var code = new InterpretedCode(kernel);
        assertFound(kernel, (tall, a, aStride, panel, c, cStride, steps, add, tiles, blocks) -> {
            code.run(tall, a, aStride, panel, c, cStride, steps, add, tiles, blocks);
            flip(c + (tall - 1) * cStride + 31 * 4);
        });
        assertFound(kernel, (tall, a, aStride, panel, c, cStride, steps, add, tiles, blocks) -> {
            code.run(tall, a, aStride, panel, c, cStride, steps, add, tiles, blocks);
            flip(c + 32 * 4);
        });
        assertFound(
                kernel,
                (tall, a, aStride, panel, c, cStride, steps, add, tiles, blocks) ->
                        code.run(tall, a, aStride, panel, c, cStride, 1, add, tiles, blocks));
        assertFound(
                kernel,
                (tall, a, aStride, panel, c, cStride, steps, add, tiles, blocks) ->
                        code.run(tall, a, aStride, panel, c, cStride, steps, 0, tiles, blocks));
    }

    private static void assertFound(PanelKernel kernel, PanelCode code) {
        var failure = SelfCheck.failure(new PanelProduct(kernel, code));
        assertTrue(failure.orElse("").contains("its self-check"), () -> kernel + ": nothing found");
    }

    @SuppressWarnings("restricted")
    private static void flip(long address) {
        var sum = MemorySegment.ofAddress(address).reinterpret(4);
        sum.set(ValueLayout.JAVA_INT_UNALIGNED, 0, sum.get(ValueLayout.JAVA_INT_UNALIGNED, 0) ^ 1);
    }

    @ParameterizedTest
    @EnumSource
    void theProcessorComputesTheSame(PanelKernel kernel) {
        Requirement.require("machine-code", LinuxCalls.unusableBecause());
        var features = CpuFeatures.of(new NativeProcessor(), "");
        Requirement.require(
                kernel.toString(), kernel.unusableBecause(features).map(why -> kernel + " cannot run here: " + why));
        var product = new PanelProduct(kernel, new NativeCode(ExecutableMemory.of(kernel.routines())));
        assertEquals(Optional.empty(), SelfCheck.failure(product));
        int differing = 0;
        for (int rows = 1; rows <= 2 * kernel.rows() + 1; rows++) {
            var test = new Case(kernel, rows, 1 + rows % 3, rows % 2 == 0, rows, false);
            int[] expected = test.expected();
            int[] got = test.run(product, false);
            for (int i = 0; i < expected.length; i++) {
                differing += expected[i] == got[i] ? 0 : 1;
                if (kernel.elements() == PanelKernel.Elements.BF16) {
                    // Vendors may round sums of two products in another way; terms are below 1.
                    assertEquals(
                            Float.intBitsToFloat(expected[i]),
                            Float.intBitsToFloat(got[i]),
                            1e-5f * 32,
                            test::toString);
                } else {
                    assertEquals(expected[i], got[i], test::toString);
                }
            }
        }
        System.out.println(kernel + ": " + differing + " sums differ in a bit from the SDM's description");
    }

    @Test
    void nothingOutsideOfTheSegmentsIsTouched() {
        var product = new PanelProduct(PanelKernel.AVX512_BF16, (_, _, _, _, _, _, _, _, _, _) -> {
            throw new AssertionError("called");
        });
        try (var arena = Arena.ofConfined()) {
            var a = arena.allocate(3 * 64);
            var panel = arena.allocate(2048);
            var c = arena.allocate(3 * 128);
            assertOutside(() -> product.multiply(a, 4, 64, panel, 0, c, 0, 128, 3, 1, false));
            assertOutside(() -> product.multiply(a, 0, 65, panel, 0, c, 0, 128, 3, 1, false));
            assertOutside(() -> product.multiply(a, 0, 64, panel, 1, c, 0, 128, 3, 1, false));
            assertOutside(() -> product.multiply(a, 0, 64, panel, 0, c, 0, 129, 3, 1, false));
            assertOutside(() -> product.multiply(a, 0, 64, panel, 0, c, -4, 128, 3, 1, false));
            assertOutside(() -> product.multiply(a, 0, 64, panel, 0, c, 0, 128, 4, 1, false));
            assertOutside(() -> product.multiply(a, 0, 64, panel, 0, c, 0, 128, 0, 1, false));
            assertOutside(() -> product.multiply(a, 0, -64, panel, 0, c, 0, 128, 1, 1, false));
            assertOutside(() -> product.multiply(a, 0, 64, panel, 0, c, 0, Long.MAX_VALUE / 2, 3, 1, false));
            var heap = MemorySegment.ofArray(new byte[192]);
            assertOutside(() -> product.multiply(heap, 0, 64, panel, 0, c, 0, 128, 3, 1, false));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> product.multiply(a, 0, 64, panel, 0, c, 0, 128, 3, PanelProduct.MAX_STEPS + 1, false));
        }
    }

    /** A row of a tensor may have more than 2^31 bytes. */
    @Test
    @SuppressWarnings("restricted")
    void rowsMayBeFarApart() {
        long distance = (1L << 31) + 64;
        var rows = new ArrayList<Long>();
        var product = new PanelProduct(PanelKernel.AVX512_BF16, (tall, _, aStride, _, _, cStride, _, _, _, _) -> {
            rows.addAll(List.of((long) tall, aStride, cStride));
        });
        try (var arena = Arena.ofConfined()) {
            // Its first byte is there; nothing else is touched.
            var far = arena.allocate(2048).reinterpret(1L << 40);
            product.multiply(far, 0, distance, far, 0, far, 0, distance, 3, 1, false);
        }
        assertEquals(List.of(3L, distance, distance), rows);
    }

    /** Only addresses reach the routine: nothing else would notice memory that is no more, or another thread's, or not to be written. */
    @Test
    void memoryThatMayNotBeUsedIsRefused() {
        var product = new PanelProduct(PanelKernel.AVX512_BF16, (_, _, _, _, _, _, _, _, _, _) -> {
            throw new AssertionError("called");
        });
        try (var arena = Arena.ofConfined();
                var shared = Arena.ofShared()) {
            var a = shared.allocate(64);
            var panel = shared.allocate(2048);
            var c = shared.allocate(128);
            var gone = Arena.ofConfined();
            var closed = gone.allocate(2048);
            gone.close();
            assertThrows(IllegalStateException.class, () -> multiply(product, closed, panel, c));
            assertThrows(IllegalStateException.class, () -> multiply(product, a, closed, c));
            assertThrows(IllegalStateException.class, () -> multiply(product, a, panel, closed));
            assertThrows(IllegalArgumentException.class, () -> multiply(product, a, panel, c.asReadOnly()));
            var mine = arena.allocate(128);
            var failure = CompletableFuture.runAsync(() -> multiply(product, a, panel, mine))
                    .handle((_, e) -> e == null ? "" : String.valueOf(e.getCause()))
                    .join();
            assertTrue(failure.contains("WrongThreadException"), failure);
        }
    }

    private static void multiply(PanelProduct product, MemorySegment a, MemorySegment panel, MemorySegment c) {
        product.multiply(a, 0, 64, panel, 0, c, 0, 128, 1, 1, false);
    }

    private static void assertOutside(Runnable call) {
        assertThrows(IndexOutOfBoundsException.class, call::run);
    }

    /** Another decoder reads the same instructions out of the bytes: none is unknown to it. */
    @ParameterizedTest
    @EnumSource
    void objdumpKnowsEveryInstruction(PanelKernel kernel, @TempDir Path folder) throws IOException {
        Binutils.require();
        for (byte[] routine : kernel.routines()) {
            var lines = Binutils.disassemble(folder, routine);
            assertTrue(lines.size() > 20, lines::toString);
            assertTrue(lines.stream().noneMatch(line -> line.contains("bad")), lines::toString);
            assertEquals("ret", lines.getLast());
        }
    }
}
