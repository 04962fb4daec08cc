package io.coda4j.tensor.cpu.x86;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
class BlockCopyTest {
    private static final int[] SIZES = {24, 48, 64, 128};

    /** On the interpreter, which lets it touch the rows and the copies of their blocks and nothing between them. */
    private static void interpret(
            int routine,
            MemorySegment from,
            MemorySegment to,
            long fromAt,
            long fromRow,
            long toAt,
            long toRow,
            long toBlock,
            long blocks,
            long rows) {
        int size = SIZES[routine];
        var regions = new ArrayList<Region>();
        for (int r = 0; r < rows; r++) {
            regions.add(region("row " + r, from, fromAt + r * fromRow, blocks * size, false));
            for (int b = 0; b < blocks; b++) {
                regions.add(region("copy " + r + ", " + b, to, toAt + r * toRow + b * toBlock, size, true));
            }
        }
        new Interpreter(regions)
                .call(
                        BlockCopy.routines().get(routine),
                        from.address(),
                        to.address(),
                        fromAt,
                        fromRow,
                        toAt,
                        toRow,
                        toBlock,
                        blocks,
                        rows);
    }

    private static Region region(String name, MemorySegment memory, long at, long bytes, boolean isWritable) {
        return new Region(name, memory.asSlice(at, bytes), isWritable);
    }

    private static BlockCopy onTheProcessor() {
        Requirement.require("machine-code", LinuxCalls.unusableBecause());
        Requirement.require("avx2", BlockCopy.unusableBecause(CpuFeatures.of(new NativeProcessor(), "")));
        return new BlockCopy(new NativeBlockCopyCode(ExecutableMemory.of(BlockCopy.routines())));
    }

    /** Rows that begin at word 3, {@code gap} words apart, to panels of all rows, from word 5 on; in arrays or not. */
    private static void check(BlockCopy copy, int size, int rows, int blocks, int gap, int toGap, boolean arrays) {
        int words = size / Integer.BYTES;
        int fromRow = blocks * words + gap;
        int toRow = words + toGap;
        int toBlock = rows * toRow + toGap;
        int[] numbers = IntStream.rangeClosed(1, 3 + rows * fromRow).toArray();
        int[] expected = new int[5 + blocks * toBlock];
        for (int r = 0; r < rows; r++) {
            for (int b = 0; b < blocks; b++) {
                System.arraycopy(numbers, 3 + r * fromRow + b * words, expected, 5 + r * toRow + b * toBlock, words);
            }
        }
        try (var arena = Arena.ofConfined()) {
            var from = arrays ? MemorySegment.ofArray(numbers) : arena.allocateFrom(ValueLayout.JAVA_INT, numbers);
            var to = arrays ? MemorySegment.ofArray(new int[expected.length]) : arena.allocate(expected.length * 4L, 4);
            copy.copy(size, from, 12, fromRow * 4L, rows, blocks, to, 20, toRow * 4L, toBlock * 4L);
            assertArrayEquals(expected, to.toArray(ValueLayout.JAVA_INT), rows + " rows of " + blocks + " x " + size);
        }
    }

    @Test
    void theBytesCopyBlocksAndTouchNothingElse() {
        var copy = new BlockCopy(BlockCopyTest::interpret);
        for (int size : SIZES) {
            for (int rows = 0; rows < 4; rows++) {
                for (int blocks = 0; blocks < 4; blocks++) {
                    check(copy, size, rows, blocks, 0, 0, false);
                    check(copy, size, rows, blocks, 3, 8, false);
                }
            }
        }
        assertEquals(Optional.empty(), BlockCopy.failure(copy));
    }

    @Test
    void theProcessorDoesTheSame() {
        var copy = onTheProcessor();
        for (int size : SIZES) {
            for (int rows = 0; rows < 40; rows++) {
                for (int blocks = 0; blocks < 12; blocks++) {
                    check(copy, size, rows, blocks, rows % 5, blocks % 3, false);
                    check(copy, size, rows, blocks, rows % 7, blocks % 5, true);
                }
            }
            // More rows than one call may copy, and a row of more than that.
            check(copy, size, 9000, 1, 0, 0, false);
            check(copy, size, 3, 3000, 1, 0, false);
        }
        assertEquals(Optional.empty(), BlockCopy.failure(copy));
    }

    @Test
    void memoryThatIsNoMoreIsRefused() {
        var copy = onTheProcessor();
        var gone = Arena.ofConfined();
        var closed = gone.allocate(64);
        gone.close();
        try (var arena = Arena.ofConfined()) {
            var memory = arena.allocate(64);
            assertThrows(IllegalStateException.class, () -> copy.copy(64, closed, 0, 0, 1, 1, memory, 0, 0, 0));
            assertThrows(IllegalStateException.class, () -> copy.copy(64, memory, 0, 0, 1, 1, closed, 0, 0, 0));
        }
    }

    @Test
    void theRowBehindTheLastNeedNotBeThere() {
        var copy = onTheProcessor();
        try (var arena = Arena.ofConfined()) {
            // What the last row asks for ahead is no address of this process.
            var from = arena.allocate(64, 64);
            var to = arena.allocate(64, 64);
            from.set(ValueLayout.JAVA_INT, 60, 7);
            copy.copy(64, from, 0, 1L << 46, 1, 1, to, 0, 0, 0);
            assertEquals(7, to.get(ValueLayout.JAVA_INT, 60));
        }
    }

    @Test
    void manyRowsTakeSeveralCalls() {
        var rows = new ArrayList<Long>();
        var copy = new BlockCopy((_, _, _, _, _, _, _, _, _, count) -> rows.add(count));
        try (var arena = Arena.ofConfined()) {
            var memory = arena.allocate(1 << 18);
            copy.copy(64, memory, 0, 0, 2500, 2, memory, 0, 0, 0);
            copy.copy(128, memory, 0, 0, 2, 2048, memory, 0, 0, 0);
        }
        assertEquals(List.of(1024L, 1024L, 452L, 1L, 1L), rows);
    }

    @Test
    void asManyRowsAsThereAreNumbersComeToAnEnd() {
        long[] copied = {0};
        var copy = new BlockCopy((_, _, _, fromAt, _, _, _, _, _, count) -> {
            assertEquals(copied[0], fromAt, "byte of the next row");
            copied[0] += count;
        });
        try (var arena = Arena.ofConfined()) {
            var to = arena.allocate(64);
            copy.copy(64, everything(), 0, 1, Integer.MAX_VALUE, 1, to, 0, 0, 0);
        }
        assertEquals(Integer.MAX_VALUE, copied[0]);
    }

    /** More memory than there is, to which nothing is done. */
    @SuppressWarnings("restricted")
    private static MemorySegment everything() {
        return MemorySegment.NULL.reinterpret(Long.MAX_VALUE);
    }

    /** Right but for one word of the first copy, of the routine with the number {@code faulty}. */
    private static String selfCheck(int faulty, int word, int value) {
        BlockCopyCode code = (routine, from, to, fromAt, fromRow, toAt, toRow, toBlock, blocks, rows) -> {
            interpret(routine, from, to, fromAt, fromRow, toAt, toRow, toBlock, blocks, rows);
            if (routine == faulty) {
                to.set(ValueLayout.JAVA_INT, toAt + word * 4L, value);
            }
        };
        return BlockCopy.failure(new BlockCopy(code)).orElse("");
    }

    @Test
    void theSelfCheckFindsFaults() {
        for (int routine = 0; routine < SIZES.length; routine++) {
            String prefix = "its self-check of blocks of " + SIZES[routine] + " bytes expected ";
            int words = SIZES[routine] / Integer.BYTES;
            assertEquals(prefix + "2 at word 1, got 0", selfCheck(routine, 1, 0));
            assertEquals(prefix + "0 at word " + words + ", got 1", selfCheck(routine, words, 1));
        }
    }

    @Test
    void nothingOutsideOfTheSegmentsIsTouched() {
        var copy = new BlockCopy((_, _, _, _, _, _, _, _, _, _) -> {
            throw new AssertionError("called");
        });
        try (var arena = Arena.ofConfined()) {
            var from = arena.allocate(512);
            var to = arena.allocate(512);
            var fixed = to.asReadOnly();
            assertThrows(IllegalArgumentException.class, () -> copy.copy(64, from, 0, 256, 2, 4, fixed, 0, 256, 64));
            assertOutside(() -> copy.copy(64, from, 4, 256, 2, 4, to, 0, 256, 64));
            assertOutside(() -> copy.copy(64, from, -4, 256, 2, 4, to, 0, 256, 64));
            assertOutside(() -> copy.copy(64, from, 0, 260, 2, 4, to, 0, 256, 64));
            assertOutside(() -> copy.copy(64, from, 256, -256, 2, 4, to, 0, 256, 64));
            assertOutside(() -> copy.copy(64, from, 0, 256, 3, 4, to, 0, 64, 64));
            assertOutside(() -> copy.copy(64, from, 0, 0, 2, 9, to, 0, 0, 0));
            assertOutside(() -> copy.copy(64, from, 0, 256, 2, 4, to, 4, 256, 64));
            assertOutside(() -> copy.copy(64, from, 0, 256, 2, 4, to, -4, 256, 64));
            assertOutside(() -> copy.copy(64, from, 0, 256, 2, 4, to, 0, 260, 64));
            assertOutside(() -> copy.copy(64, from, 0, 256, 2, 4, to, 0, 256, 68));
            assertOutside(() -> copy.copy(64, from, 0, 256, 2, 4, to, 256, -256, 64));
            assertOutside(() -> copy.copy(64, from, 0, 256, 2, 4, to, 256, 0, -64));
            assertOutside(() -> copy.copy(64, from, 0, 256, -2, 4, to, 0, 256, 64));
            assertOutside(() -> copy.copy(64, from, 0, 256, 2, -4, to, 0, 256, 64));
            assertOutside(() -> copy.copy(32, from, 0, 256, 2, 4, to, 0, 256, 64));
        }
        assertTrue(IntStream.of(SIZES).allMatch(BlockCopy::copies));
        assertFalse(BlockCopy.copies(32));
    }

    private static void assertOutside(Runnable call) {
        assertThrows(IndexOutOfBoundsException.class, call::run);
    }

    @Test
    void objdumpKnowsEveryInstruction(@TempDir Path folder) throws IOException {
        Binutils.require();
        for (byte[] routine : BlockCopy.routines()) {
            var lines = Binutils.disassemble(folder, routine);
            assertTrue(lines.size() > 20, lines::toString);
            assertTrue(lines.stream().noneMatch(line -> line.contains("bad")), lines::toString);
            assertEquals("ret", lines.getLast());
        }
    }
}
