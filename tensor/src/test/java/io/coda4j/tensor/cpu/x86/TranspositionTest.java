package io.coda4j.tensor.cpu.x86;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.cpu.x86.Interpreter.Region;
import io.coda4j.tensor.testing.Requirement;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The kernel as bytes on the interpreter, and on the processor where it can run there. */
class TranspositionTest {
    private static final int WIDTH = Transposition.WIDTH;

    private static final int PAIRS_WIDTH = Transposition.PAIRS_WIDTH;

    private static final int PAIRS_STEPS = Transposition.PAIRS_STEPS;

    /** On the interpreter, which lets it touch the columns and the steps and nothing between them. */
    private static Transposition interpreted() {
        return new Transposition(TranspositionTest::interpret);
    }

    private static void interpret(
            int routine,
            MemorySegment from,
            MemorySegment to,
            long fromAt,
            long stride,
            long toAt,
            long toStride,
            long blocks,
            long pair) {
        boolean paired = routine == TranspositionCode.PAIRS;
        long columns = paired ? PAIRS_WIDTH : routine == TranspositionCode.ROWS ? blocks * WIDTH : WIDTH;
        long steps = paired ? blocks * PAIRS_STEPS : routine == TranspositionCode.ROWS ? WIDTH : blocks * WIDTH;
        long bytes = steps * (paired ? Short.BYTES : Integer.BYTES);
        var regions = new ArrayList<Region>();
        for (int c = 0; c < columns; c++) {
            regions.add(region("column " + c, from, fromAt + c * stride, bytes, false));
            if (paired) {
                regions.add(region("partner " + c, from, fromAt + pair + c * stride, bytes, false));
            }
        }
        for (int k = 0; k < steps; k++) {
            regions.add(region("step " + k, to, toAt + k * toStride, columns * 4, true));
        }
        new Interpreter(regions)
                .call(
                        Transposition.routines().get(routine),
                        from.address(),
                        to.address(),
                        fromAt,
                        stride,
                        toAt,
                        toStride,
                        blocks,
                        pair);
    }

    private static Region region(String name, MemorySegment memory, long at, long bytes, boolean isWritable) {
        return new Region(name, memory.asSlice(at, bytes), isWritable);
    }

    private static Transposition onTheProcessor() {
        Requirement.require("machine-code", LinuxCalls.unusableBecause());
        Requirement.require("avx2", Transposition.unusableBecause(CpuFeatures.of(new NativeProcessor(), "")));
        return new Transposition(new NativeTranspositionCode(ExecutableMemory.of(Transposition.routines())));
    }

    /** {@link Transposition#turn} with {@code steps}. */
    private static void check(Transposition transposition, int steps, int gap, int toGap, boolean arrays) {
        check(transposition, WIDTH, steps, false, gap, toGap, arrays);
    }

    /** {@link Transposition#turnRows} with {@code columns}. */
    private static void checkRows(Transposition transposition, int columns, int gap, int toGap, boolean arrays) {
        check(transposition, columns, WIDTH, true, gap, toGap, arrays);
    }

    /** Columns that begin at element 3, {@code gap} elements apart; in arrays or not. */
    private static void check(
            Transposition transposition, int columns, int steps, boolean rows, int gap, int toGap, boolean arrays) {
        int stride = steps + gap;
        int toStride = columns + toGap;
        int[] numbers = IntStream.rangeClosed(1, 3 + columns * stride).toArray();
        int[] expected = new int[5 + steps * toStride];
        for (int k = 0; k < steps; k++) {
            for (int c = 0; c < columns; c++) {
                expected[5 + k * toStride + c] = numbers[3 + c * stride + k];
            }
        }
        try (var arena = Arena.ofConfined()) {
            var from = arrays ? MemorySegment.ofArray(numbers) : arena.allocateFrom(ValueLayout.JAVA_INT, numbers);
            var to = arrays ? MemorySegment.ofArray(new int[expected.length]) : arena.allocate(expected.length * 4L, 4);
            if (rows) {
                transposition.turnRows(from, 12, stride * 4L, columns, to, 20, toStride * 4L);
            } else {
                transposition.turn(from, 12, stride * 4L, steps, to, 20, toStride * 4L);
            }
            assertArrayEquals(expected, to.toArray(ValueLayout.JAVA_INT), columns + " x " + steps);
        }
    }

    /** Columns that begin at element 3, {@code gap} elements apart, and their partners that many further; in arrays or not. */
    private static void checkPairs(Transposition transposition, int steps, int gap, int toGap, boolean arrays) {
        int stride = steps + gap;
        int pair = PAIRS_WIDTH * stride + gap;
        int toStride = PAIRS_WIDTH + toGap;
        short[] numbers = new short[3 + pair + PAIRS_WIDTH * stride];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = (short) (0x9e37 * (i + 1));
        }
        int[] expected = new int[5 + steps * toStride];
        for (int k = 0; k < steps; k++) {
            for (int c = 0; c < PAIRS_WIDTH; c++) {
                int at = 3 + c * stride + k;
                expected[5 + k * toStride + c] = numbers[at] & 0xffff | numbers[at + pair] << 16;
            }
        }
        try (var arena = Arena.ofConfined()) {
            var from = arrays ? MemorySegment.ofArray(numbers) : arena.allocateFrom(ValueLayout.JAVA_SHORT, numbers);
            var to = arrays ? MemorySegment.ofArray(new int[expected.length]) : arena.allocate(expected.length * 4L, 4);
            transposition.turnPairs(from, 6, stride * 2L, pair * 2L, steps, to, 20, toStride * 4L);
            assertArrayEquals(expected, to.toArray(ValueLayout.JAVA_INT), steps + " steps");
        }
    }

    @Test
    void theBytesTurnColumnsAndTouchNothingElse() {
        var transposition = interpreted();
        for (int steps : new int[] {0, 8, 16, 40}) {
            check(transposition, steps, 0, 0, false);
            check(transposition, steps, 3, 8, false);
            checkRows(transposition, steps, 0, 0, false);
            checkRows(transposition, steps, 3, 8, false);
        }
        for (int steps : new int[] {0, 16, 32, 80}) {
            checkPairs(transposition, steps, 0, 0, false);
            checkPairs(transposition, steps, 3, 8, false);
        }
        assertEquals(Optional.empty(), Transposition.failure(transposition));
    }

    @Test
    void theProcessorDoesTheSame() {
        var transposition = onTheProcessor();
        for (int steps = 0; steps <= 512; steps += 8) {
            check(transposition, steps, steps % 5, steps % 24, false);
            check(transposition, steps, steps % 7, steps % 24, true);
            checkRows(transposition, steps, steps % 5, steps % 24, false);
            checkRows(transposition, steps, steps % 7, steps % 24, true);
        }
        for (int steps = 0; steps <= 512; steps += 16) {
            checkPairs(transposition, steps, steps / 16 % 5, steps / 16 % 24, false);
            checkPairs(transposition, steps, steps / 16 % 7, steps / 16 % 24, true);
        }
        // More blocks than one call may turn.
        check(transposition, 8 * 2500, 1, 8, false);
        checkRows(transposition, 8 * 2500, 1, 8, false);
        checkPairs(transposition, 16 * 2500, 1, 8, false);
        assertEquals(Optional.empty(), Transposition.failure(transposition));
    }

    @Test
    void longColumnsTakeSeveralCalls() {
        var blocks = new ArrayList<Long>();
        var transposition = new Transposition((_, _, _, _, _, _, _, count, _) -> blocks.add(count));
        try (var arena = Arena.ofConfined()) {
            var memory = arena.allocate(16 * 2500 * 32L);
            transposition.turn(memory, 0, 0, 8 * 2500, memory, 0, 32);
            transposition.turnPairs(memory, 0, 0, 0, 16 * 2500, memory, 0, 16);
            transposition.turnRows(memory, 0, 32, 8 * 2500, memory, 0, 0);
        }
        assertEquals(List.of(1024L, 1024L, 452L, 1024L, 1024L, 452L, 1024L, 1024L, 452L), blocks);
    }

    /** Right but for one lane of the first step, of the routine with the number {@code faulty}. */
    private static String selfCheck(int faulty, int lane, int value) {
        TranspositionCode code = (routine, from, to, fromAt, stride, toAt, toStride, blocks, pair) -> {
            interpret(routine, from, to, fromAt, stride, toAt, toStride, blocks, pair);
            if (routine == faulty) {
                to.set(ValueLayout.JAVA_INT, toAt + lane * 4L, value);
            }
        };
        return Transposition.failure(new Transposition(code)).orElse("");
    }

    @Test
    void theSelfCheckFindsFaults() {
        String got = ", got 0";
        assertEquals(
                "its self-check expected 18 at step 0, column 1 of 8" + got, selfCheck(TranspositionCode.WORDS, 1, 0));
        assertTrue(selfCheck(TranspositionCode.PAIRS, 1, 0).endsWith(" at step 0, column 1 of 4" + got));
        assertTrue(selfCheck(TranspositionCode.ROWS, 1, 0).endsWith(" at step 0, column 1 of 16" + got));
        assertTrue(selfCheck(TranspositionCode.WORDS, WIDTH, 1).contains("expected 0 at step 0, column 8 of 8"));
        assertTrue(selfCheck(TranspositionCode.ROWS, 2 * WIDTH, 1).contains("expected 0 at step 0, column 16 of 16"));
        assertTrue(selfCheck(TranspositionCode.PAIRS, PAIRS_WIDTH, 1).contains("expected 0 at step 0, column 4 of 4"));
    }

    @Test
    void nothingOutsideOfTheSegmentsIsTouched() {
        var transposition = new Transposition((_, _, _, _, _, _, _, _, _) -> {
            throw new AssertionError("called");
        });
        try (var arena = Arena.ofConfined()) {
            var from = arena.allocate(8 * 40);
            var to = arena.allocate(8 * 40);
            var fixed = to.asReadOnly();
            assertThrows(IllegalArgumentException.class, () -> transposition.turn(from, 0, 40, 8, fixed, 0, 40));
            assertOutside(() -> transposition.turn(from, 12, 40, 8, to, 0, 40));
            assertOutside(() -> transposition.turn(from, -4, 40, 8, to, 0, 40));
            assertOutside(() -> transposition.turn(from, 0, 44, 8, to, 0, 40));
            assertOutside(() -> transposition.turn(from, 0, -40, 8, to, 0, 40));
            assertOutside(() -> transposition.turn(from, 0, 40, 12, to, 0, 40));
            assertOutside(() -> transposition.turn(from, 0, 0, 16, to, 0, 40));
            assertOutside(() -> transposition.turn(from, 0, 40, 8, to, 12, 40));
            assertOutside(() -> transposition.turn(from, 0, 40, 8, to, 0, 44));
            assertOutside(() -> transposition.turn(from, 0, 40, 8, to, 280, -40));
            assertOutside(() -> transposition.turnRows(from, 12, 40, 8, to, 0, 40));
            assertOutside(() -> transposition.turnRows(from, -4, 40, 8, to, 0, 40));
            assertOutside(() -> transposition.turnRows(from, 0, 44, 8, to, 0, 40));
            assertOutside(() -> transposition.turnRows(from, 0, -40, 8, to, 0, 40));
            assertOutside(() -> transposition.turnRows(from, 0, 0, 12, to, 0, 40));
            assertOutside(() -> transposition.turnRows(from, 0, 40, 16, to, 0, 0));
            assertOutside(() -> transposition.turnRows(from, 0, 40, 8, to, 12, 40));
            assertOutside(() -> transposition.turnRows(from, 0, 40, 8, to, 0, 44));
            assertOutside(() -> transposition.turnRows(from, 0, 40, 8, to, 280, -40));
            assertOutside(() -> transposition.turnPairs(from, 10, 40, 160, 16, to, 0, 20));
            assertOutside(() -> transposition.turnPairs(from, -2, 40, 160, 16, to, 0, 20));
            assertOutside(() -> transposition.turnPairs(from, 0, 44, 160, 16, to, 0, 20));
            assertOutside(() -> transposition.turnPairs(from, 0, -40, 160, 16, to, 0, 20));
            assertOutside(() -> transposition.turnPairs(from, 0, 40, 170, 16, to, 0, 20));
            assertOutside(() -> transposition.turnPairs(from, 0, 40, -160, 16, to, 0, 20));
            assertOutside(() -> transposition.turnPairs(from, 0, 40, 160, 8, to, 0, 20));
            assertOutside(() -> transposition.turnPairs(from, 0, 40, 160, 16, to, 8, 20));
            assertOutside(() -> transposition.turnPairs(from, 0, 40, 160, 16, to, 0, 21));
            assertOutside(() -> transposition.turnPairs(from, 0, 40, 160, 16, to, 300, -20));
        }
    }

    private static void assertOutside(Runnable call) {
        assertThrows(IndexOutOfBoundsException.class, call::run);
    }

    @Test
    void objdumpKnowsEveryInstruction(@TempDir Path folder) throws IOException {
        Binutils.require();
        for (byte[] routine : Transposition.routines()) {
            var lines = Binutils.disassemble(folder, routine);
            assertTrue(lines.size() > 60, lines::toString);
            assertTrue(lines.stream().noneMatch(line -> line.contains("bad")), lines::toString);
            assertEquals("ret", lines.getLast());
        }
    }
}
