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

import io.coda4j.tensor.cpu.x86.Operand.Memory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * Turns {@value #WIDTH} columns of 32-bit elements, each of which lies in one piece, into steps of {@value #WIDTH} elements side
 * by side, by machine code: {@code to[k][c] = from[c][k]}. The Vector API's compiler keeps what is on its way in memory
 * and needs more exchanges of lanes.
 */
public final class Transposition {
    /** The name of the kernel, for people. */
    static final String NAME = "avx2_transpose";

    /** Columns, and steps of a block. */
    public static final int WIDTH = 8;

    private static final int BYTES = WIDTH * Integer.BYTES;

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

    /**
     * The machine code. Column c and column c + 4 are loaded into the two halves of a register, so that exchanges within halves are
     * enough: of neighbouring elements, then of pairs.
     *
     * <p>Arguments as {@link TranspositionCode#run} lists them. rdi walks along column 0, from which the distances rcx,
     * rax = 3 rcx, r10 = 5 rcx and r11 = 7 rcx reach the others; r8 walks along the steps.
     */
    static byte[] routine() {
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
        for (int half = 0; half < BYTES; half += HALF) {
            for (int c = 0; c < 4; c++) {
                a.vbroadcastf128(ymm(c), column(c).plus(half));
                a.vinsertf128(ymm(c), ymm(c), column(c + 4).plus(half), 1);
            }
            a.vunpcklps(ymm(4), ymm(0), ymm(1));
            a.vunpckhps(ymm(5), ymm(0), ymm(1));
            a.vunpcklps(ymm(6), ymm(2), ymm(3));
            a.vunpckhps(ymm(7), ymm(2), ymm(3));
            a.vunpcklpd(ymm(0), ymm(4), ymm(6));
            a.vunpckhpd(ymm(1), ymm(4), ymm(6));
            a.vunpcklpd(ymm(2), ymm(5), ymm(7));
            a.vunpckhpd(ymm(3), ymm(5), ymm(7));
            for (int k = 0; k < 4; k++) {
                a.vmovups(at(r8), ymm(k));
                a.add(r8, r9);
            }
        }
        a.add(rdi, BYTES);
        a.dec(rbx);
        a.jnz(block);
        a.vzeroupper();
        frame.leave();
        return a.bytes();
    }

    /** Where the next elements of a column are. */
    private static Memory column(int column) {
        return switch (column) {
            case 0 -> at(rdi);
            case 1 -> at(rdi, rcx, 1);
            case 2 -> at(rdi, rcx, 2);
            case 3 -> at(rdi, rax, 1);
            case 4 -> at(rdi, rcx, 4);
            case 5 -> at(rdi, r10, 1);
            case 6 -> at(rdi, rax, 2);
            case 7 -> at(rdi, r11, 1);
            default -> throw new IllegalArgumentException("columns 0 to 7 expected, got " + column);
        };
    }

    /**
     * Turns {@code WIDTH} columns.
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
        if (steps < 0 || steps % WIDTH != 0 || stride < 0 || toStride < 0) {
            throw new IndexOutOfBoundsException("a multiple of " + WIDTH
                    + " steps and distances from 0 on expected, got " + steps + ", " + stride + " and " + toStride);
        }
        if (steps == 0) {
            return;
        }
        Objects.checkFromIndexSize(
                fromAt, Math.addExact(Math.multiplyExact(WIDTH - 1, stride), 4L * steps), from.byteSize());
        Objects.checkFromIndexSize(toAt, Math.addExact(Math.multiplyExact(steps - 1, toStride), BYTES), to.byteSize());
        int all = steps / WIDTH;
        for (int block = 0; block < all; block += CALL_BLOCKS) {
            code.run(
                    from,
                    to,
                    fromAt + (long) block * BYTES,
                    stride,
                    toAt + block * WIDTH * toStride,
                    toStride,
                    Math.min(CALL_BLOCKS, all - block));
        }
    }

    /** What the routine gets wrong in two blocks of numbers that all differ, or empty. */
    static Optional<String> failure(Transposition transposition) {
        int steps = 2 * WIDTH;
        int stride = steps + 1;
        int toStride = WIDTH + 3;
        try (var arena = Arena.ofConfined()) {
            var from = arena.allocate(WIDTH * stride * 4L, 4);
            var to = arena.allocate(steps * toStride * 4L, 4);
            for (int i = 0; i < WIDTH * stride; i++) {
                from.setAtIndex(ValueLayout.JAVA_INT, i, i + 1);
            }
            transposition.turn(from, 0, stride * 4L, steps, to, 0, toStride * 4L);
            for (int i = 0; i < steps * toStride; i++) {
                int step = i / toStride;
                int column = i % toStride;
                int expected = column < WIDTH ? column * stride + step + 1 : 0;
                int got = to.getAtIndex(ValueLayout.JAVA_INT, i);
                if (got != expected) {
                    return Optional.of("its self-check expected " + expected + " at step " + step + ", column " + column
                            + ", got " + got);
                }
            }
        }
        return Optional.empty();
    }
}
