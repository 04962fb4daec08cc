package io.coda4j.tensor.cpu.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.cpu.x86.LoopProgram.Access;
import io.coda4j.tensor.cpu.x86.LoopProgram.Value;
import io.coda4j.tensor.testing.Requirement;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class VectorLoopTest {
    private static final int PROGRAMS = 2000;

    // Two rows, what is behind each, and some elements before them.
    private static final int DISTANCE = 20;
    private static final int SIZE = 2 * DISTANCE + 4;

    /** What makes loops here, of every width that runs. */
    private static List<VectorLoops> all() {
        var all = Arrays.stream(LoopKernel.values())
                .flatMap(kernel -> MachineKernels.ofProcess().loops(kernel.lanes()).stream())
                .toList();
        Requirement.require(
                "f32-code",
                all.isEmpty()
                        ? Optional.of("no loops of machine code run here: "
                                + MachineKernels.ofProcess().loopKernels(LoopKernel.LOOPS_AVX2.lanes()))
                        : Optional.empty());
        return all;
    }

    private static VectorLoops loops() {
        return all().getFirst();
    }

    @Test
    void programsComposedAtRandomGiveTheBitsOfTheirMeaning() {
        for (var loops : all()) {
            for (long seed = 0; seed < PROGRAMS; seed++) {
                new LoopCase(loops.kernel(), seed)
                        .check((_, code) -> new NativeLoopCode(ExecutableMemory.of(List.of(code))[0]));
            }
        }
    }

    @Test
    void theFirstTwoMemoriesCanBePartsOfArrays() {
        for (var loops : all()) {
            var first = new float[SIZE];
            var second = new float[SIZE];
            for (int i = 0; i < SIZE; i++) {
                first[i] = i;
                second[i] = 100 * i;
            }
            runOnTwo(
                    loops.kernel(),
                    loops.of(twoRows()).orElseThrow(),
                    MemorySegment.ofArray(first),
                    MemorySegment.ofArray(second));
            checkTwo(loops.kernel(), first, second);
        }
    }

    @ParameterizedTest
    @EnumSource
    void codeOnArraysTouchesNothingElse(LoopKernel kernel) {
        var code = kernel.code(twoRows()).orElseThrow();
        var loop = new VectorLoop(kernel, twoRows(), new InterpretedLoopCode(kernel, twoRows(), code));
        try (var arena = Arena.ofConfined()) {
            var first = arena.allocate(SIZE * 4L, 4);
            var second = arena.allocate(SIZE * 4L, 4);
            for (int i = 0; i < SIZE; i++) {
                first.setAtIndex(ValueLayout.JAVA_FLOAT, i, i);
                second.setAtIndex(ValueLayout.JAVA_FLOAT, i, 100 * i);
            }
            runOnTwo(kernel, loop, first, second);
            checkTwo(kernel, first.toArray(ValueLayout.JAVA_FLOAT), second.toArray(ValueLayout.JAVA_FLOAT));
        }
    }

    /** (x, y) = (x factor, x + y), where each row has a factor. */
    private static LoopProgram twoRows() {
        var b = new LoopProgram.Builder();
        int x = b.memory(Access.ROWS);
        int y = b.memory(Access.ROWS);
        var factor = b.broadcast(b.memory(Access.COLUMN));
        var old = b.load(x);
        b.store(x, b.multiply(old, factor));
        b.store(y, b.add(old, b.load(y)));
        return b.programInArrays(2);
    }

    /** On two rows of a vector from elements 4 and 5 on, {@link #DISTANCE} apart. */
    private static void runOnTwo(LoopKernel kernel, VectorLoop loop, MemorySegment first, MemorySegment second) {
        try (var arena = Arena.ofConfined()) {
            var factors = arena.allocateFrom(ValueLayout.JAVA_FLOAT, 2, 3);
            var memories = arena.allocateFrom(ValueLayout.JAVA_LONG, 4 * 4, 5 * 4, factors.address());
            loop.run(first, second, memories.address(), 2, 1, DISTANCE - kernel.lanes());
        }
    }

    private static void checkTwo(LoopKernel kernel, float[] first, float[] second) {
        for (int i = 0; i < SIZE; i++) {
            int row = (i - 4) / DISTANCE;
            boolean inFirst = i >= 4 && (i - 4) % DISTANCE < kernel.lanes();
            assertEquals(inFirst ? i * (2f + row) : i, first[i]);
            boolean inSecond = i >= 5 && (i - 5) % DISTANCE < kernel.lanes();
            assertEquals(inSecond ? 100 * i + i - 1 : 100 * i, second[i]);
        }
    }

    @Test
    void equalProgramsAreOneLoop() {
        assertSame(loops().of(doubled(2)).orElseThrow(), loops().of(doubled(2)).orElseThrow());
        assertTrue(
                loops().of(doubled(2)).orElseThrow() != loops().of(doubled(3)).orElseThrow());
    }

    private static LoopProgram doubled(float factor) {
        var b = new LoopProgram.Builder();
        var x = b.load(b.memory(Access.ROWS));
        b.store(b.memory(Access.ROWS), b.multiply(x, b.constant(factor)));
        return b.program();
    }

    @ParameterizedTest
    @EnumSource
    void aProgramThatNeedsMoreRegistersHasNoCode(LoopKernel kernel) {
        var b = new LoopProgram.Builder();
        var x = b.load(b.memory(Access.ROWS));
        var all = new ArrayList<Value>();
        for (int i = 0; i < kernel.registers(); i++) {
            all.add(b.add(x, b.constant(i)));
        }
        int to = b.memory(Access.ROWS);
        all.forEach(value -> b.store(to, value));
        assertEquals(Optional.empty(), kernel.code(b.program()));
        var memories = new LoopProgram.Builder();
        for (int i = 0; i < 10; i++) {
            memories.load(memories.memory(Access.ROWS));
        }
        assertEquals(Optional.empty(), kernel.code(memories.program()));
    }

    @Test
    void aStepTakesTheMemoryThatItCanRead() {
        var b = new LoopProgram.Builder();
        int one = b.memory(Access.ONE);
        int rows = b.memory(Access.ROWS);
        var error = assertThrows(IllegalArgumentException.class, () -> b.load(one));
        assertEquals("rows expected, got memory 0, ONE", error.getMessage());
        assertThrows(IllegalArgumentException.class, () -> b.broadcast(rows));
        var x = b.load(rows);
        assertThrows(IllegalArgumentException.class, () -> b.store(one, x));
        assertThrows(IllegalArgumentException.class, () -> b.sum(one, x));
        assertThrows(IllegalArgumentException.class, () -> b.program(3));
    }
}
