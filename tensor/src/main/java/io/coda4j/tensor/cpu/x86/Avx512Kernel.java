package io.coda4j.tensor.cpu.x86;

import static io.coda4j.tensor.cpu.x86.Registers.at;
import static io.coda4j.tensor.cpu.x86.Registers.r10;
import static io.coda4j.tensor.cpu.x86.Registers.r11;
import static io.coda4j.tensor.cpu.x86.Registers.r12;
import static io.coda4j.tensor.cpu.x86.Registers.r13;
import static io.coda4j.tensor.cpu.x86.Registers.r8;
import static io.coda4j.tensor.cpu.x86.Registers.r9;
import static io.coda4j.tensor.cpu.x86.Registers.rax;
import static io.coda4j.tensor.cpu.x86.Registers.rbp;
import static io.coda4j.tensor.cpu.x86.Registers.rbx;
import static io.coda4j.tensor.cpu.x86.Registers.rcx;
import static io.coda4j.tensor.cpu.x86.Registers.rdi;
import static io.coda4j.tensor.cpu.x86.Registers.rdx;
import static io.coda4j.tensor.cpu.x86.Registers.rsi;
import static io.coda4j.tensor.cpu.x86.Registers.zmm;

import io.coda4j.tensor.cpu.x86.Operand.Memory;
import io.coda4j.tensor.cpu.x86.Operand.Vector;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * {@link PanelProduct} on vectors of 512 bits: up to 12 rows and 32 columns in 24 registers of sums. Each group of
 * elements of a row that an instruction multiplies at once, which has 32 bits, is broadcast and multiplied by two vectors of
 * the panel.
 */
final class Avx512Kernel {
    /** Rows of a block. */
    static final int ROWS = 12;

    private static final int VECTOR_BYTES = 64;

    /** Bytes of the panel that meet a group of a row. */
    private static final int GROUP_BYTES = PanelProduct.COLUMNS * Integer.BYTES;

    /** Groups of 32 bits that one turn of the loop takes from a row. */
    private static final int UNROLL = 4;

    private static final Vector B0 = zmm(24);
    private static final Vector B1 = zmm(25);

    /** The first of four registers that hold elements of rows, so that broadcasts can run ahead. */
    private static final int FIRST_A = 26;

    private Avx512Kernel() {}

    /** The product that adds to each 32-bit sum the products of a group of elements. */
    @FunctionalInterface
    interface VectorProduct {
        void assemble(Assembler assembler, Vector sum, Vector a, Vector b);
    }

    /** A routine for each number of rows from 1 to 12. */
    static List<byte[]> routines(VectorProduct product) {
        return IntStream.rangeClosed(1, ROWS)
                .mapToObj(rows -> code(rows, product))
                .toList();
    }

    /** The same for a product of integers, whose sums may be formed in any order. */
    static List<byte[]> integerRoutines(VectorProduct product) {
        return Stream.concat(
                        Stream.of(singleRow(product)),
                        routines(product).stream().skip(1))
                .toList();
    }

    private static byte[] singleRow(VectorProduct product) {
        return new VectorSingleRow(Registers::zmm, GROUP_BYTES, (a, sums, row, panel) -> {
                    var element = zmm(FIRST_A);
                    a.vpbroadcastd(element, row);
                    a.vmovups(B0, panel);
                    a.vmovups(B1, panel.plus(VECTOR_BYTES));
                    product.assemble(a, sums.get(0), element, B0);
                    product.assemble(a, sums.get(1), element, B1);
                })
                .code();
    }

    /**
     * Arguments as {@link PanelCode#run} lists them. In the loop rbx walks along row 0 and r12 along row 5; with the
     * distances rsi, rax = 3 rsi and r10 = 5 rsi they reach all rows. r11 walks along the panel.
     */
    private static byte[] code(int rows, VectorProduct product) {
        var a = new Assembler();
        var frame = StackFrame.enter(a, rbx, rbp, r12, r13);
        a.lea(rax, at(rsi, rsi, 2));
        a.lea(r10, at(rsi, rsi, 4));
        a.mov(r13, frame.argument(PanelCode.BLOCKS));

        var block = new Assembler.Label();
        var sums = new Assembler.Label();
        var step = new Assembler.Label();
        a.place(block);
        for (int r = 0; r < 2 * rows; r++) {
            a.vpxord(zmm(r), zmm(r), zmm(r));
        }
        a.mov(rbp, frame.argument(PanelCode.ADD));
        a.test(rbp);
        a.jz(sums);
        a.mov(r11, rcx);
        for (int r = 0; r < rows; r++) {
            a.vmovups(zmm(2 * r), at(r11));
            a.vmovups(zmm(2 * r + 1), at(r11, VECTOR_BYTES));
            a.add(r11, r8);
        }
        a.place(sums);
        a.mov(rbx, rdi);
        a.lea(r12, at(rdi, r10, 1));
        a.mov(r11, rdx);
        // Turns of the loop: four for each step.
        a.lea(rbp, at(r9, r9, 1));
        a.add(rbp, rbp);

        a.place(step);
        for (int group = 0; group < UNROLL; group++) {
            a.vmovups(B0, at(r11, 2 * group * VECTOR_BYTES));
            a.vmovups(B1, at(r11, (2 * group + 1) * VECTOR_BYTES));
            for (int r = 0; r < rows; r++) {
                var element = zmm(FIRST_A + r % 4);
                a.vpbroadcastd(element, row(r).plus(group * Integer.BYTES));
                product.assemble(a, zmm(2 * r), element, B0);
                product.assemble(a, zmm(2 * r + 1), element, B1);
            }
        }
        a.add(rbx, UNROLL * Integer.BYTES);
        a.add(r12, UNROLL * Integer.BYTES);
        a.add(r11, UNROLL * 2 * VECTOR_BYTES);
        a.dec(rbp);
        a.jnz(step);

        for (int r = 0; r < rows; r++) {
            a.vmovups(at(rcx), zmm(2 * r));
            a.vmovups(at(rcx, VECTOR_BYTES), zmm(2 * r + 1));
            a.add(rcx, r8);
            a.add(rdi, rsi);
        }
        a.dec(r13);
        a.jnz(block);
        a.vzeroupper();
        frame.leave();
        return a.bytes();
    }

    /** Where the elements of a row are. */
    private static Memory row(int row) {
        return switch (row) {
            case 0 -> at(rbx);
            case 1 -> at(rbx, rsi, 1);
            case 2 -> at(rbx, rsi, 2);
            case 3 -> at(rbx, rax, 1);
            case 4 -> at(rbx, rsi, 4);
            case 5 -> at(r12);
            case 6 -> at(rbx, rax, 2);
            case 7 -> at(r12, rsi, 2);
            case 8 -> at(rbx, rsi, 8);
            case 9 -> at(r12, rsi, 4);
            case 10 -> at(rbx, r10, 2);
            case 11 -> at(r12, rax, 2);
            default -> throw new IllegalArgumentException("rows 0 to 11 expected, got " + row);
        };
    }
}
