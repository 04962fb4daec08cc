package io.coda4j.tensor.cpu.x86;

import static io.coda4j.tensor.cpu.x86.Registers.at;
import static io.coda4j.tensor.cpu.x86.Registers.r10;
import static io.coda4j.tensor.cpu.x86.Registers.r11;
import static io.coda4j.tensor.cpu.x86.Registers.r12;
import static io.coda4j.tensor.cpu.x86.Registers.r13;
import static io.coda4j.tensor.cpu.x86.Registers.r14;
import static io.coda4j.tensor.cpu.x86.Registers.r15;
import static io.coda4j.tensor.cpu.x86.Registers.r8;
import static io.coda4j.tensor.cpu.x86.Registers.r9;
import static io.coda4j.tensor.cpu.x86.Registers.rax;
import static io.coda4j.tensor.cpu.x86.Registers.rbp;
import static io.coda4j.tensor.cpu.x86.Registers.rbx;
import static io.coda4j.tensor.cpu.x86.Registers.rcx;
import static io.coda4j.tensor.cpu.x86.Registers.rdi;
import static io.coda4j.tensor.cpu.x86.Registers.rdx;
import static io.coda4j.tensor.cpu.x86.Registers.rsi;
import static io.coda4j.tensor.cpu.x86.Registers.ymm;

import io.coda4j.tensor.cpu.x86.Operand.Gpr;
import io.coda4j.tensor.cpu.x86.Operand.Memory;
import io.coda4j.tensor.cpu.x86.Operand.Vector;
import java.util.List;
import java.util.stream.IntStream;

/**
 * {@link PanelProduct} of rows of 16 bits and panels of 8 bits on AVX2, which has no product of bytes that cannot saturate:
 * the bytes of the panel are widened in registers, once for all rows of a block.
 *
 * <p>Three rows or more keep 16 columns of sums in registers and read the panel, which is in the first-level cache, twice;
 * fewer rows take all 32 columns at once, so that a panel from memory is read once.
 */
final class Avx2Kernel {
    /** Rows of a block: with two vectors of sums each, two of the panel, one element and one product they fill 16 registers. */
    static final int ROWS = 6;

    private static final int VECTOR_BYTES = 32;

    /** Columns of one vector of sums. */
    private static final int LANES = 8;

    /** Bytes of the panel that widen to one vector: pairs of 8 columns. */
    private static final int NARROW_BYTES = VECTOR_BYTES / 2;

    /** Bytes of one pair of depths of the panel. */
    private static final int PAIR_BYTES = 2 * PanelProduct.COLUMNS;

    /** Pairs of depths in one turn of the loop. */
    private static final int UNROLL = 4;

    /** Turns of the loop that one step takes. */
    private static final int STEP_TURNS = PanelProduct.STEP_BYTES / (UNROLL * Integer.BYTES);

    private static final int QUARTERS = 4;

    /** How far ahead two rows ask for the panel, which they read faster than the processor does on its own. */
    private static final int AHEAD = 1024;

    private static final Vector ELEMENT = ymm(14);
    private static final Vector PRODUCT = ymm(15);

    private final Assembler a = new Assembler();
    private final int rows;

    /** Vectors of sums of one row that are in registers together. */
    private final int vectors;

    private Avx2Kernel(int rows) {
        this.rows = rows;
        this.vectors = rows < 3 ? PanelProduct.COLUMNS / LANES : 2;
    }

    /** A routine for each number of rows from 1 to 6. */
    static List<byte[]> routines() {
        return IntStream.rangeClosed(1, ROWS)
                .mapToObj(rows -> new Avx2Kernel(rows).code())
                .toList();
    }

    /**
     * Arguments as {@link PanelCode#run} lists them. In the loop rax walks along row 0, and with the distances rsi, r10 = 3 rsi
     * and r12 = 5 rsi reaches the others; r11 walks along the panel.
     */
    private byte[] code() {
        var frame = StackFrame.enter(a, rbx, rbp, r12, r13, r14, r15);
        a.lea(r10, at(rsi, rsi, 2));
        a.lea(r12, at(rsi, rsi, 4));
        a.mov(rbx, frame.argument(PanelCode.BLOCKS));
        var block = new Assembler.Label();
        a.place(block);
        for (int first = 0; first < PanelProduct.COLUMNS / LANES; first += vectors) {
            load(frame, first);
            a.mov(rax, rdi);
            a.mov(r11, rdx);
            if (rows == 1) {
                multiplyQuarters();
            } else {
                // Turns of the loop: four for each step.
                a.lea(rbp, at(r9, r9, 1));
                a.add(rbp, rbp);
                multiply(first);
            }
            store(first);
        }
        for (int r = 0; r < rows; r++) {
            a.add(rcx, r8);
            a.add(rdi, rsi);
        }
        a.dec(rbx);
        a.jnz(block);
        a.vzeroupper();
        frame.leave();
        return a.bytes();
    }

    /** Vector {@code v} of the sums of a row. */
    private Vector sum(int row, int v) {
        return ymm(row * vectors + v);
    }

    /** A vector of the panel, which needs no register of its own where there are few rows. */
    private Vector weights(int v) {
        return ymm(rows * vectors + v % 2);
    }

    /** Zeros, or the sums that are there. */
    private void load(StackFrame frame, int first) {
        for (int i = 0; i < rows * vectors; i++) {
            a.vpxorVex(ymm(i), ymm(i), ymm(i));
        }
        var ready = new Assembler.Label();
        a.mov(rbp, frame.argument(PanelCode.ADD));
        a.test(rbp);
        a.jz(ready);
        a.mov(r11, rcx);
        for (int r = 0; r < rows; r++) {
            for (int v = 0; v < vectors; v++) {
                a.vmovups(sum(r, v), at(r11, (first + v) * VECTOR_BYTES));
            }
            a.add(r11, r8);
        }
        a.place(ready);
    }

    private void store(int first) {
        a.mov(r11, rcx);
        for (int r = 0; r < rows; r++) {
            for (int v = 0; v < vectors; v++) {
                a.vmovups(at(r11, (first + v) * VECTOR_BYTES), sum(r, v));
            }
            a.add(r11, r8);
        }
    }

    /** As many turns as rbp counts, from rax and r11 on. */
    private void multiply(int first) {
        var turn = new Assembler.Label();
        a.place(turn);
        for (int pair = 0; pair < UNROLL; pair++) {
            if (rows == 2) {
                a.prefetcht0(at(r11, AHEAD + pair * PAIR_BYTES));
            }
            for (int v = 0; v < vectors; v += 2) {
                pair(at(r11, pair * PAIR_BYTES), pair * Integer.BYTES, first + v, v);
            }
        }
        advance();
        a.jnz(turn);
    }

    private void advance() {
        a.add(rax, UNROLL * Integer.BYTES);
        a.add(r11, UNROLL * PAIR_BYTES);
        a.dec(rbp);
    }

    /**
     * A single row waits for nothing but the panel. So it walks through the four quarters of the depth at once, in each of which the
     * processor fetches what follows ahead; integers may be added in any order. Steps that are no four come last.
     *
     * <p>r10 and r12 are the bytes of one quarter of the panel and of three, r13 and r14 those of the row.
     */
    private void multiplyQuarters() {
        var counted = new Assembler.Label();
        var count = new Assembler.Label();
        var turn = new Assembler.Label();
        var end = new Assembler.Label();
        a.mov(r10, 0);
        a.mov(r13, 0);
        a.mov(rbp, 0);
        a.mov(r15, r9);
        a.add(r15, -QUARTERS);
        a.js(counted);
        a.place(count);
        a.add(r10, STEP_TURNS * UNROLL * PAIR_BYTES);
        a.add(r13, STEP_TURNS * UNROLL * Integer.BYTES);
        a.add(rbp, STEP_TURNS);
        a.add(r15, -QUARTERS);
        a.jns(count);
        a.lea(r12, at(r10, r10, 2));
        a.lea(r14, at(r13, r13, 2));
        a.place(turn);
        for (int pair = 0; pair < UNROLL; pair++) {
            for (int quarter = 0; quarter < QUARTERS; quarter++) {
                var panel = quarter(r11, r10, r12, quarter).plus(pair * PAIR_BYTES);
                var element = quarter(rax, r13, r14, quarter).plus(pair * Integer.BYTES);
                for (int v = 0; v < vectors; v += 2) {
                    pair(panel, List.of(element), v, v);
                }
            }
        }
        advance();
        a.jnz(turn);
        a.add(r11, r12);
        a.add(rax, r14);
        a.place(counted);
        a.add(r15, QUARTERS);
        a.test(r15);
        a.jz(end);
        a.lea(rbp, at(r15, r15, 1));
        a.add(rbp, rbp);
        multiply(0);
        a.place(end);
    }

    private static Memory quarter(Gpr first, Gpr one, Gpr three, int number) {
        return switch (number) {
            case 0 -> at(first);
            case 1 -> at(first, one, 1);
            case 2 -> at(first, one, 2);
            case 3 -> at(first, three, 1);
            default -> throw new IllegalArgumentException("quarters 0 to 3 expected, got " + number);
        };
    }

    /** One pair of depths of all rows, {@code offset} bytes on, times two vectors of the panel from {@code column} on. */
    private void pair(Memory panel, int offset, int column, int v) {
        pair(panel, IntStream.range(0, rows).mapToObj(r -> row(r).plus(offset)).toList(), column, v);
    }

    private void pair(Memory panel, List<Memory> elements, int column, int v) {
        for (int i = 0; i < 2; i++) {
            a.vpmovsxbw(weights(i), panel.plus((column + i) * NARROW_BYTES));
        }
        for (int r = 0; r < rows; r++) {
            a.vpbroadcastd(ELEMENT, elements.get(r));
            for (int i = 0; i < 2; i++) {
                a.vpmaddwd(PRODUCT, ELEMENT, weights(i));
                a.vpaddd(sum(r, v + i), sum(r, v + i), PRODUCT);
            }
        }
    }

    /** Where the elements of a row are. */
    private static Memory row(int row) {
        return switch (row) {
            case 0 -> at(rax);
            case 1 -> at(rax, rsi, 1);
            case 2 -> at(rax, rsi, 2);
            case 3 -> at(rax, r10, 1);
            case 4 -> at(rax, rsi, 4);
            case 5 -> at(rax, r12, 1);
            default -> throw new IllegalArgumentException("rows 0 to 5 expected, got " + row);
        };
    }
}
