package io.coda4j.tensor.cpu.x86;

import static io.coda4j.tensor.cpu.x86.Registers.at;
import static io.coda4j.tensor.cpu.x86.Registers.r10;
import static io.coda4j.tensor.cpu.x86.Registers.r11;
import static io.coda4j.tensor.cpu.x86.Registers.r8;
import static io.coda4j.tensor.cpu.x86.Registers.r9;
import static io.coda4j.tensor.cpu.x86.Registers.rax;
import static io.coda4j.tensor.cpu.x86.Registers.rbx;
import static io.coda4j.tensor.cpu.x86.Registers.rcx;
import static io.coda4j.tensor.cpu.x86.Registers.rdi;
import static io.coda4j.tensor.cpu.x86.Registers.rdx;
import static io.coda4j.tensor.cpu.x86.Registers.rsi;
import static io.coda4j.tensor.cpu.x86.Registers.ymm;

import io.coda4j.tensor.cpu.x86.Operand.Gpr;
import io.coda4j.tensor.cpu.x86.Operand.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.IntBinaryOperator;

/**
 * Turns columns, each of which lies in one piece, into steps side by side, by machine code: of 32-bit elements
 * {@code to[k][c] = from[c][k]}, of 16-bit elements two columns to a lane. The Vector API's compiler keeps what is on its
 * way in memory and needs more exchanges of lanes.
 */
public final class Transposition {
    /** The name of the kernel, for people. */
    static final String NAME = "avx2_transpose";

    /** Columns of 32-bit elements, and steps of a block of them. */
    public static final int WIDTH = 8;

    /** Lanes of pairs of 16-bit elements. Their eight columns find place in one set of the first-level cache, at worst. */
    public static final int PAIRS_WIDTH = 4;

    /** Steps of a block of pairs. */
    public static final int PAIRS_STEPS = 16;

    /** Bytes of a vector. */
    private static final int BYTES = 32;

    /** Bytes of half of a vector, within which instructions exchange elements. */
    private static final int HALF = BYTES / 2;

    /** Blocks in one call, so that it ends within microseconds: no thread reaches a safepoint while it runs. */
    private static final int CALL_BLOCKS = 1 << 10;

    private final TranspositionCode code;

    Transposition(TranspositionCode code) {
        this.code = code;
    }

    /** Why {@code features} do not allow this kernel, or empty if they do. */
    static Optional<String> unusableBecause(CpuFeatures features) {
        return features.unusableBecause(List.of(CpuFeature.AVX2));
    }

    /** The machine code, in the order of the numbers of {@link TranspositionCode}. */
    static List<byte[]> routines() {
        return List.of(words(false), pairs(), words(true));
    }

    /**
     * Column c and column c + 4 are loaded into the two halves of a register, so that exchanges within halves are enough: of
     * neighbouring elements, then of pairs.
     *
     * <p>Arguments as {@link TranspositionCode#run} lists them. rdi walks along column 0, from which the distances rcx,
     * rax = 3 rcx, r10 = 5 rcx and r11 = 7 rcx reach the others; r8 walks along the steps, or from block to block along the
     * first one, as rsi says.
     *
     * @param rows whether the next block is of other columns, not of further steps
     */
    private static byte[] words(boolean rows) {
        var a = new Assembler();
        var frame = StackFrame.enter(a, rbx);
        a.add(rdi, rdx);
        a.add(r8, rsi);
        a.lea(rax, at(rcx, rcx, 2));
        a.lea(r10, at(rcx, rcx, 4));
        a.lea(r11, at(rax, rcx, 4));
        a.mov(rbx, frame.argument(TranspositionCode.BLOCKS));
        var block = new Assembler.Label();
        a.place(block);
        if (rows) {
            a.lea(rsi, at(r8).plus(BYTES));
        }
        for (int half = 0; half < BYTES; half += HALF) {
            for (int c = 0; c < 4; c++) {
                a.vbroadcastf128(ymm(c), column(rdi, c).plus(half));
                a.vinsertf128(ymm(c), ymm(c), column(rdi, c + 4).plus(half), 1);
            }
            turnHalves(a, 0, 4);
            for (int k = 0; k < 4; k++) {
                a.vmovups(at(r8), ymm(k));
                a.add(r8, r9);
            }
        }
        if (rows) {
            a.mov(r8, rsi);
            a.lea(rdi, at(rdi, rcx, WIDTH));
        } else {
            a.add(rdi, BYTES);
        }
        a.dec(rbx);
        a.jnz(block);
        a.vzeroupper();
        frame.leave();
        return a.bytes();
    }

    /**
     * Of four registers from number {@code first} on, element k of register c becomes element c of register k, in both halves;
     * four more from {@code free} on are overwritten.
     */
    private static void turnHalves(Assembler a, int first, int free) {
        a.vunpcklps(ymm(free), ymm(first), ymm(first + 1));
        a.vunpckhps(ymm(free + 1), ymm(first), ymm(first + 1));
        a.vunpcklps(ymm(free + 2), ymm(first + 2), ymm(first + 3));
        a.vunpckhps(ymm(free + 3), ymm(first + 2), ymm(first + 3));
        a.vunpcklpd(ymm(first), ymm(free), ymm(free + 2));
        a.vunpckhpd(ymm(first + 1), ymm(free), ymm(free + 2));
        a.vunpcklpd(ymm(first + 2), ymm(free + 1), ymm(free + 3));
        a.vunpckhpd(ymm(first + 3), ymm(free + 1), ymm(free + 3));
    }

    /** Where the next elements of a column are, if those of column 0 are at {@code first}. */
    private static Memory column(Gpr first, int column) {
        return switch (column) {
            case 0 -> at(first);
            case 1 -> at(first, rcx, 1);
            case 2 -> at(first, rcx, 2);
            case 3 -> at(first, rax, 1);
            case 4 -> at(first, rcx, 4);
            case 5 -> at(first, r10, 1);
            case 6 -> at(first, rax, 2);
            case 7 -> at(first, r11, 1);
            default -> throw new IllegalArgumentException("columns 0 to 7 expected, got " + column);
        };
    }

    /**
     * Sixteen elements of a column and of the one that it is paired with are mixed within halves: steps 0 to 3 and 8 to 11 in
     * one register, 4 to 7 and 12 to 15 in another. Four such registers are turned like words.
     *
     * <p>rdi and rsi walk along column 0 and its partner, from which rcx and rax = 3 rcx reach the others; r8 and r11 walk along
     * steps 0 to 7 and 8 to 15 of a block.
     */
    private static byte[] pairs() {
        var a = new Assembler();
        var frame = StackFrame.enter(a);
        a.add(rdi, rdx);
        a.add(r8, rsi);
        a.mov(rsi, frame.argument(TranspositionCode.PAIR));
        a.add(rsi, rdi);
        a.lea(rax, at(rcx, rcx, 2));
        a.mov(r10, frame.argument(TranspositionCode.BLOCKS));
        var block = new Assembler.Label();
        a.place(block);
        a.lea(r11, at(r8, r9, 8));
        for (int c = 0; c < PAIRS_WIDTH; c++) {
            a.vmovups(ymm(c), column(rdi, c));
            a.vpunpcklwd(ymm(4 + c), ymm(c), column(rsi, c));
            a.vpunpckhwd(ymm(8 + c), ymm(c), column(rsi, c));
        }
        for (int first = 4; first <= 8; first += 4) {
            turnHalves(a, first, 0);
            for (int k = 0; k < 4; k++) {
                a.vextractf128(at(r8), ymm(first + k), 0);
                a.vextractf128(at(r11), ymm(first + k), 1);
                a.add(r8, r9);
                a.add(r11, r9);
            }
        }
        a.mov(r8, r11);
        a.add(rdi, BYTES);
        a.add(rsi, BYTES);
        a.dec(r10);
        a.jnz(block);
        a.vzeroupper();
        frame.leave();
        return a.bytes();
    }

    /**
     * Turns {@link #WIDTH} columns of 32-bit elements.
     *
     * @param from native memory or an array, in which the first column begins at byte {@code fromAt}
     * @param stride bytes between columns
     * @param steps elements of a column, a multiple of {@code WIDTH}
     * @param to native memory or an array for {@code WIDTH} elements of each step, {@code toStride} bytes apart, from byte
     *     {@code toAt} on
     * @throws IndexOutOfBoundsException if anything would be read or written outside of the segments
     */
    public void turn(
            MemorySegment from, long fromAt, long stride, int steps, MemorySegment to, long toAt, long toStride) {
        run(TranspositionCode.WORDS, WIDTH, steps, from, fromAt, stride, 0, to, toAt, toStride);
    }

    /**
     * Turns {@link #WIDTH} steps of any number of columns of 32-bit elements.
     *
     * @param from native memory or an array, in which the first column begins at byte {@code fromAt}
     * @param stride bytes between columns
     * @param columns number of columns, a multiple of {@code WIDTH}
     * @param to native memory or an array for as many elements of each step, {@code toStride} bytes apart, from byte {@code toAt}
     *     on
     * @throws IndexOutOfBoundsException if anything would be read or written outside of the segments
     */
    public void turnRows(
            MemorySegment from, long fromAt, long stride, int columns, MemorySegment to, long toAt, long toStride) {
        run(TranspositionCode.ROWS, columns, WIDTH, from, fromAt, stride, 0, to, toAt, toStride);
    }

    /**
     * Turns {@link #PAIRS_WIDTH} columns of 16-bit elements, and as many with which they share lanes: the low half of lane c of
     * step k is element k of column c, the high half element k of the column {@code pair} bytes behind it.
     *
     * @param from native memory or an array, in which the first column begins at byte {@code fromAt}
     * @param stride bytes between columns
     * @param pair bytes between the two columns of a lane
     * @param steps elements of a column, a multiple of {@link #PAIRS_STEPS}
     * @param to native memory or an array for {@code PAIRS_WIDTH} lanes of each step, {@code toStride} bytes apart, from byte
     *     {@code toAt} on
     * @throws IndexOutOfBoundsException if anything would be read or written outside of the segments
     */
    public void turnPairs(
            MemorySegment from,
            long fromAt,
            long stride,
            long pair,
            int steps,
            MemorySegment to,
            long toAt,
            long toStride) {
        run(TranspositionCode.PAIRS, PAIRS_WIDTH, steps, from, fromAt, stride, pair, to, toAt, toStride);
    }

    /**
     * Runs a routine on {@code columns} columns, or pairs of them, of {@code steps} elements, block after block: of steps, or of
     * columns for {@link TranspositionCode#ROWS}. A block reads {@link #BYTES} of each of its columns.
     */
    private void run(
            int routine,
            int columns,
            int steps,
            MemorySegment from,
            long fromAt,
            long stride,
            long pair,
            MemorySegment to,
            long toAt,
            long toStride) {
        boolean rows = routine == TranspositionCode.ROWS;
        int count = rows ? columns : steps;
        int unit = routine == TranspositionCode.PAIRS ? PAIRS_STEPS : WIDTH;
        if (count < 0 || count % unit != 0 || stride < 0 || pair < 0 || toStride < 0) {
            throw new IndexOutOfBoundsException(
                    "a multiple of " + unit + (rows ? " columns" : " steps") + " and distances from 0 on expected, got "
                            + count + ", " + stride + ", " + pair + " and " + toStride);
        }
        int blocks = count / unit;
        if (blocks == 0) {
            return;
        }
        NativeRoutines.requireWritable(to);
        checkRows(from, fromAt, columns, stride, Math.addExact(pair, (long) steps / unit * BYTES));
        checkRows(to, toAt, steps, toStride, columns * (long) Integer.BYTES);
        long fromBlock = rows ? unit * stride : BYTES;
        long toBlock = rows ? BYTES : unit * toStride;
        for (int block = 0; block < blocks; block += CALL_BLOCKS) {
            code.run(
                    routine,
                    from,
                    to,
                    fromAt + block * fromBlock,
                    stride,
                    toAt + block * toBlock,
                    toStride,
                    Math.min(CALL_BLOCKS, blocks - block),
                    pair);
        }
    }

    /** Checks that {@code memory} holds {@code count} rows of {@code bytes} bytes, {@code stride} bytes apart from {@code at} on. */
    private static void checkRows(MemorySegment memory, long at, int count, long stride, long bytes) {
        Objects.checkFromIndexSize(at, Math.addExact(Math.multiplyExact(count - 1, stride), bytes), memory.byteSize());
    }

    /** What the routines get wrong in two blocks of numbers that all differ, or empty. */
    static Optional<String> failure(Transposition transposition) {
        try (var arena = Arena.ofConfined()) {
            return wordsFailure(transposition, false, arena)
                    .or(() -> pairsFailure(transposition, arena))
                    .or(() -> wordsFailure(transposition, true, arena));
        }
    }

    private static Optional<String> wordsFailure(Transposition transposition, boolean rows, Arena arena) {
        int columns = rows ? 2 * WIDTH : WIDTH;
        int steps = rows ? WIDTH : 2 * WIDTH;
        int stride = steps + 1;
        int toStride = columns + 3;
        var from = arena.allocate(columns * stride * 4L, 4);
        var to = arena.allocate(steps * toStride * 4L, 4);
        for (int i = 0; i < columns * stride; i++) {
            from.setAtIndex(ValueLayout.JAVA_INT, i, i + 1);
        }
        if (rows) {
            transposition.turnRows(from, 0, stride * 4L, columns, to, 0, toStride * 4L);
        } else {
            transposition.turn(from, 0, stride * 4L, steps, to, 0, toStride * 4L);
        }
        return difference(to, steps, toStride, columns, (step, column) -> column * stride + step + 1);
    }

    private static Optional<String> pairsFailure(Transposition transposition, Arena arena) {
        int steps = 2 * PAIRS_STEPS;
        int stride = steps + 1;
        int pair = (PAIRS_WIDTH + 1) * stride;
        int toStride = PAIRS_WIDTH + 3;
        int elements = pair + PAIRS_WIDTH * stride;
        var from = arena.allocate(elements * 2L, 2);
        var to = arena.allocate(steps * toStride * 4L, 4);
        for (int i = 0; i < elements; i++) {
            from.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (i + 1));
        }
        transposition.turnPairs(from, 0, stride * 2L, pair * 2L, steps, to, 0, toStride * 4L);
        return difference(to, steps, toStride, PAIRS_WIDTH, (step, column) -> {
            int low = column * stride + step + 1;
            return low | (low + pair) << 16;
        });
    }

    /** The first lane that is not as expected, where those behind the {@code columns} lanes of a step are to be 0; or empty. */
    private static Optional<String> difference(
            MemorySegment to, int steps, int toStride, int columns, IntBinaryOperator expectation) {
        for (int i = 0; i < steps * toStride; i++) {
            int step = i / toStride;
            int column = i % toStride;
            int expected = column < columns ? expectation.applyAsInt(step, column) : 0;
            int got = to.getAtIndex(ValueLayout.JAVA_INT, i);
            if (got != expected) {
                return Optional.of("its self-check expected " + expected + " at step " + step + ", column " + column
                        + " of " + columns + ", got " + got);
            }
        }
        return Optional.empty();
    }
}
