package io.coda4j.tensor.cpu.x86;

import static io.coda4j.tensor.cpu.x86.Registers.at;
import static io.coda4j.tensor.cpu.x86.Registers.r10;
import static io.coda4j.tensor.cpu.x86.Registers.r11;
import static io.coda4j.tensor.cpu.x86.Registers.r12;
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
                .mapToObj(rows -> rows == 1 ? singleRow() : new Avx2Kernel(rows).code())
                .toList();
    }

    private static byte[] singleRow() {
        return new VectorSingleRow(Registers::ymm, PAIR_BYTES, Avx2Kernel::pair).code();
    }

    /** One pair of depths of a single row, times all columns of the panel. */
    private static void pair(Assembler a, List<Vector> sums, Memory row, Memory panel) {
        a.vpbroadcastd(ELEMENT, row);
        for (int v = 0; v < sums.size(); v++) {
            var weights = ymm(sums.size() + v);
            a.vpmovsxbw(weights, panel.plus(v * NARROW_BYTES));
            a.vpmaddwd(PRODUCT, ELEMENT, weights);
            a.vpaddd(sums.get(v), sums.get(v), PRODUCT);
        }
    }

    /**
     * Arguments as {@link PanelCode#run} lists them. In the loop rax walks along row 0, and with the distances rsi, r10 = 3 rsi
     * and r12 = 5 rsi reaches the others; r11 walks along the panel.
     */
    private byte[] code() {
        var frame = StackFrame.enter(a, rbx, rbp, r12);
        a.lea(r10, at(rsi, rsi, 2));
        a.lea(r12, at(rsi, rsi, 4));
        a.mov(rbx, frame.argument(PanelCode.BLOCKS));
        var block = new Assembler.Label();
        a.place(block);
        for (int first = 0; first < PanelProduct.COLUMNS / LANES; first += vectors) {
            load(frame, first);
            multiply(first);
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

    private void multiply(int first) {
        a.mov(rax, rdi);
        a.mov(r11, rdx);
        // Turns of the loop: four for each step.
        a.lea(rbp, at(r9, r9, 1));
        a.add(rbp, rbp);
        var turn = new Assembler.Label();
        a.place(turn);
        for (int pair = 0; pair < UNROLL; pair++) {
            if (rows == 2) {
                a.prefetcht0(at(r11, AHEAD + pair * PAIR_BYTES));
            }
            for (int v = 0; v < vectors; v += 2) {
                pair(pair, first + v, v);
            }
        }
        a.add(rax, UNROLL * Integer.BYTES);
        a.add(r11, UNROLL * PAIR_BYTES);
        a.dec(rbp);
        a.jnz(turn);
    }

    /** One pair of depths of all rows times two vectors of the panel from {@code column} on. */
    private void pair(int pair, int column, int v) {
        for (int i = 0; i < 2; i++) {
            a.vpmovsxbw(weights(i), at(r11, pair * PAIR_BYTES + (column + i) * NARROW_BYTES));
        }
        for (int r = 0; r < rows; r++) {
            a.vpbroadcastd(ELEMENT, row(r).plus(pair * Integer.BYTES));
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
