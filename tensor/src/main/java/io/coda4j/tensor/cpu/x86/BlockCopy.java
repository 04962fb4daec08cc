package io.coda4j.tensor.cpu.x86;

import static io.coda4j.tensor.cpu.x86.Registers.at;
import static io.coda4j.tensor.cpu.x86.Registers.r10;
import static io.coda4j.tensor.cpu.x86.Registers.r11;
import static io.coda4j.tensor.cpu.x86.Registers.r12;
import static io.coda4j.tensor.cpu.x86.Registers.r8;
import static io.coda4j.tensor.cpu.x86.Registers.r9;
import static io.coda4j.tensor.cpu.x86.Registers.rax;
import static io.coda4j.tensor.cpu.x86.Registers.rbx;
import static io.coda4j.tensor.cpu.x86.Registers.rcx;
import static io.coda4j.tensor.cpu.x86.Registers.rdi;
import static io.coda4j.tensor.cpu.x86.Registers.rdx;
import static io.coda4j.tensor.cpu.x86.Registers.rsi;
import static io.coda4j.tensor.cpu.x86.Registers.ymm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * Copies rows of blocks, each block to a place of its own, by machine code. Packing reads runs of some hundred bytes, far apart:
 * too short for the processor to see where they lead, so each row is asked for while the one before it is copied, for which the
 * Vector API has no word.
 */
public final class BlockCopy {
    /** The name of the kernel, for people. */
    static final String NAME = "avx2_copy";

    /** Bytes of a cache line. */
    public static final int LINE = 64;

    /**
     * Bytes of a block, one routine for each: a step of the six or twelve left rows of a tile of {@link TileKernel}, and of the one or
     * two lines of a panel.
     */
    private static final int[] SIZES = {24, 48, LINE, 2 * LINE};

    private static final int VECTOR_BYTES = 32;

    /** Bytes copied in one call, so that it ends within microseconds: no thread reaches a safepoint while it runs. */
    private static final long CALL_BYTES = 1 << 17;

    private final BlockCopyCode code;

    BlockCopy(BlockCopyCode code) {
        this.code = code;
    }

    /** Why {@code features} do not allow this kernel, or empty if they do. */
    static Optional<String> unusableBecause(CpuFeatures features) {
        return features.unusableBecause(List.of(CpuFeature.AVX2));
    }

    /** Whether blocks can have {@code bytes} bytes. */
    public static boolean copies(int bytes) {
        return number(bytes) >= 0;
    }

    /** The number of the routine for blocks of {@code bytes} bytes, or -1; each copy asks, so nothing becomes an object. */
    private static int number(int bytes) {
        for (int i = 0; i < SIZES.length; i++) {
            if (SIZES[i] == bytes) {
                return i;
            }
        }
        return -1;
    }

    /** The machine code, a routine for each size of a block. */
    static List<byte[]> routines() {
        return IntStream.of(SIZES).mapToObj(BlockCopy::routine).toList();
    }

    /**
     * Arguments as {@link BlockCopyCode#run} lists them. rdi walks along the rows and rsi along their copies; in a row rax walks along
     * its blocks, rdx at the same pace along the row behind it, and r11 along the copies of blocks. What a block has beyond whole
     * vectors passes through r12.
     */
    private static byte[] routine(int size) {
        var a = new Assembler();
        var frame = StackFrame.enter(a, rbx, r12);
        a.add(rdi, rdx);
        a.add(rsi, r8);
        a.mov(r8, frame.argument(BlockCopyCode.ROWS));
        a.mov(r10, frame.argument(BlockCopyCode.TO_BLOCK));
        var row = new Assembler.Label();
        a.place(row);
        a.mov(rax, rdi);
        a.mov(r11, rsi);
        a.add(rdi, rcx);
        a.mov(rdx, rdi);
        a.mov(rbx, frame.argument(BlockCopyCode.BLOCKS));
        var block = new Assembler.Label();
        a.place(block);
        for (int line = 0; line < size; line += LINE) {
            a.prefetcht0(at(rdx, line));
        }
        int whole = size / VECTOR_BYTES * VECTOR_BYTES;
        for (int v = 0; v < whole; v += VECTOR_BYTES) {
            a.vmovups(ymm(v / VECTOR_BYTES), at(rax, v));
        }
        for (int v = 0; v < whole; v += VECTOR_BYTES) {
            a.vmovups(at(r11, v), ymm(v / VECTOR_BYTES));
        }
        for (int word = whole; word < size; word += Long.BYTES) {
            a.mov(r12, at(rax, word));
            a.mov(at(r11, word), r12);
        }
        a.add(rax, size);
        a.add(rdx, size);
        a.add(r11, r10);
        a.dec(rbx);
        a.jnz(block);
        a.add(rsi, r9);
        a.dec(r8);
        a.jnz(row);
        a.vzeroupper();
        frame.leave();
        return a.bytes();
    }

    /**
     * Copies {@code rows} rows of {@code blocks} blocks of {@code size} bytes: block b of row r from byte
     * {@code fromAt + r * fromRow + b * size} to byte {@code toAt + r * toRow + b * toBlock}.
     *
     * @param size one of those that {@link #copies} knows
     * @param from native memory or an array
     * @param to likewise
     * @throws IndexOutOfBoundsException if anything would be read or written outside of the segments
     */
    public void copy(
            int size,
            MemorySegment from,
            long fromAt,
            long fromRow,
            int rows,
            int blocks,
            MemorySegment to,
            long toAt,
            long toRow,
            long toBlock) {
        int routine = number(size);
        if (routine < 0 || rows < 0 || blocks < 0 || fromRow < 0 || toRow < 0 || toBlock < 0) {
            throw new IndexOutOfBoundsException("blocks of one of " + Arrays.toString(SIZES)
                    + " bytes, numbers and distances from 0 on expected, got " + size + ", " + rows + ", " + blocks
                    + ", " + fromRow + ", " + toRow + " and " + toBlock);
        }
        if (rows == 0 || blocks == 0) {
            return;
        }
        NativeRoutines.requireWritable(to);
        long row = blocks * (long) size;
        check(from, fromAt, Math.multiplyExact(rows - 1, fromRow), row);
        check(
                to,
                toAt,
                Math.multiplyExact(rows - 1, toRow),
                Math.addExact(Math.multiplyExact(blocks - 1, toBlock), size));
        int together = Math.toIntExact(Math.clamp(CALL_BYTES / row, 1, rows));
        for (long r = 0; r < rows; r += together) {
            long some = Math.min(together, rows - r);
            code.run(routine, from, to, fromAt + r * fromRow, fromRow, toAt + r * toRow, toRow, toBlock, blocks, some);
        }
    }

    /** Checks that {@code memory} holds {@code bytes} bytes from {@code at + offset} on, and byte {@code at}. */
    private static void check(MemorySegment memory, long at, long offset, long bytes) {
        Objects.checkFromIndexSize(at, Math.addExact(offset, bytes), memory.byteSize());
    }

    /** What the routines get wrong in rows of numbers that all differ, or empty. */
    static Optional<String> failure(BlockCopy copy) {
        return IntStream.of(SIZES)
                .mapToObj(size -> failure(copy, size))
                .flatMap(Optional::stream)
                .findFirst();
    }

    private static Optional<String> failure(BlockCopy copy, int size) {
        int rows = 3;
        int blocks = 2;
        int words = size / Integer.BYTES;
        int fromRow = blocks * words + 1;
        int toRow = words + 2;
        int toBlock = rows * toRow + 3;
        try (var arena = Arena.ofConfined()) {
            var from = arena.allocate(rows * fromRow * 4L, 4);
            var to = arena.allocate(blocks * toBlock * 4L, 4);
            for (int i = 0; i < rows * fromRow; i++) {
                from.setAtIndex(ValueLayout.JAVA_INT, i, i + 1);
            }
            copy.copy(size, from, 0, fromRow * 4L, rows, blocks, to, 0, toRow * 4L, toBlock * 4L);
            for (int i = 0; i < blocks * toBlock; i++) {
                int row = i % toBlock / toRow;
                int word = i % toBlock % toRow;
                boolean copied = row < rows && word < words;
                int expected = copied ? row * fromRow + i / toBlock * words + word + 1 : 0;
                int got = to.getAtIndex(ValueLayout.JAVA_INT, i);
                if (got != expected) {
                    return Optional.of("its self-check of blocks of " + size + " bytes expected " + expected
                            + " at word " + i + ", got " + got);
                }
            }
            return Optional.empty();
        }
    }
}
