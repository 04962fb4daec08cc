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

    /** On the interpreter, which lets it touch the columns and the steps and nothing between them. */
    private static Transposition interpreted() {
        byte[] routine = Transposition.routine();
        return new Transposition((from, to, fromAt, stride, toAt, toStride, blocks) -> {
            var regions = new ArrayList<Region>();
            for (int c = 0; c < WIDTH; c++) {
                regions.add(region("column " + c, from, fromAt + c * stride, blocks * WIDTH * 4, false));
            }
            for (int k = 0; k < blocks * WIDTH; k++) {
                regions.add(region("step " + k, to, toAt + k * toStride, WIDTH * 4, true));
            }
            new Interpreter(regions)
                    .call(routine, from.address(), to.address(), fromAt, stride, toAt, toStride, blocks);
        });
    }

    private static Region region(String name, MemorySegment memory, long at, long bytes, boolean isWritable) {
        return new Region(name, memory.asSlice(at, bytes), isWritable);
    }

    private static Transposition onTheProcessor() {
        Requirement.require("machine-code", LinuxCalls.unusableBecause());
        Requirement.require("avx2", Transposition.unusableBecause(CpuFeatures.of(new NativeProcessor(), "")));
        return new Transposition(new NativeTranspositionCode(ExecutableMemory.of(List.of(Transposition.routine()))[0]));
    }

    /** Columns that begin at element 3, {@code gap} elements apart; in arrays or not. */
    private static void check(Transposition transposition, int steps, int gap, int toGap, boolean arrays) {
        int stride = steps + gap;
        int toStride = WIDTH + toGap;
        int[] numbers = IntStream.rangeClosed(1, 3 + WIDTH * stride).toArray();
        int[] expected = new int[5 + steps * toStride];
        for (int k = 0; k < steps; k++) {
            for (int c = 0; c < WIDTH; c++) {
                expected[5 + k * toStride + c] = numbers[3 + c * stride + k];
            }
        }
        try (var arena = Arena.ofConfined()) {
            var from = arrays ? MemorySegment.ofArray(numbers) : arena.allocateFrom(ValueLayout.JAVA_INT, numbers);
            var to = arrays ? MemorySegment.ofArray(new int[expected.length]) : arena.allocate(expected.length * 4L, 4);
            transposition.turn(from, 12, stride * 4L, steps, to, 20, toStride * 4L);
            assertArrayEquals(expected, to.toArray(ValueLayout.JAVA_INT), steps + " steps");
        }
    }

    @Test
    void theBytesTurnColumnsAndTouchNothingElse() {
        var transposition = interpreted();
        for (int steps : new int[] {0, 8, 16, 40}) {
            check(transposition, steps, 0, 0, false);
            check(transposition, steps, 3, 8, false);
        }
        assertEquals(Optional.empty(), Transposition.failure(transposition));
    }

    @Test
    void theProcessorDoesTheSame() {
        var transposition = onTheProcessor();
        for (int steps = 0; steps <= 512; steps += 8) {
            check(transposition, steps, steps % 5, steps % 24, false);
            check(transposition, steps, steps % 7, steps % 24, true);
        }
        // More blocks than one call may turn.
        check(transposition, 8 * 2500, 1, 8, false);
        assertEquals(Optional.empty(), Transposition.failure(transposition));
    }

    @Test
    void longColumnsTakeSeveralCalls() {
        var blocks = new ArrayList<Long>();
        var transposition = new Transposition((_, _, _, _, _, _, count) -> blocks.add(count));
        try (var arena = Arena.ofConfined()) {
            var memory = arena.allocate(8 * 2500 * 32L);
            transposition.turn(memory, 0, 0, 8 * 2500, memory, 0, 32);
        }
        assertEquals(List.of(1024L, 1024L, 452L), blocks);
    }

    @Test
    void theSelfCheckFindsFaults() {
        var right = interpreted();
        var wrong = new Transposition((from, to, fromAt, stride, toAt, toStride, blocks) -> {
            right.turn(from, fromAt, stride, (int) blocks * WIDTH, to, toAt, toStride);
            to.set(ValueLayout.JAVA_INT, toAt + 4, 0);
        });
        assertTrue(Transposition.failure(wrong).orElse("").contains("its self-check"));
        var wide = new Transposition((from, to, fromAt, stride, toAt, toStride, blocks) -> {
            right.turn(from, fromAt, stride, (int) blocks * WIDTH, to, toAt, toStride);
            to.set(ValueLayout.JAVA_INT, toAt + WIDTH * 4, 1);
        });
        assertTrue(Transposition.failure(wide).orElse("").contains("its self-check"));
    }

    @Test
    void nothingOutsideOfTheSegmentsIsTouched() {
        var transposition = new Transposition((_, _, _, _, _, _, _) -> {
            throw new AssertionError("called");
        });
        try (var arena = Arena.ofConfined()) {
            var from = arena.allocate(8 * 40);
            var to = arena.allocate(8 * 40);
            assertOutside(() -> transposition.turn(from, 12, 40, 8, to, 0, 40));
            assertOutside(() -> transposition.turn(from, -4, 40, 8, to, 0, 40));
            assertOutside(() -> transposition.turn(from, 0, 44, 8, to, 0, 40));
            assertOutside(() -> transposition.turn(from, 0, -40, 8, to, 0, 40));
            assertOutside(() -> transposition.turn(from, 0, 40, 12, to, 0, 40));
            assertOutside(() -> transposition.turn(from, 0, 0, 16, to, 0, 40));
            assertOutside(() -> transposition.turn(from, 0, 40, 8, to, 12, 40));
            assertOutside(() -> transposition.turn(from, 0, 40, 8, to, 0, 44));
            assertOutside(() -> transposition.turn(from, 0, 40, 8, to, 280, -40));
        }
    }

    private static void assertOutside(Runnable call) {
        assertThrows(IndexOutOfBoundsException.class, call::run);
    }

    @Test
    void objdumpKnowsEveryInstruction(@TempDir Path folder) throws IOException {
        Binutils.require();
        var lines = Binutils.disassemble(folder, Transposition.routine());
        assertTrue(lines.size() > 60, lines::toString);
        assertTrue(lines.stream().noneMatch(line -> line.contains("bad")), lines::toString);
        assertEquals("ret", lines.getLast());
    }
}
