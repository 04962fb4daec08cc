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
import io.coda4j.tensor.cpu.x86.Operand.Vector;
import java.util.List;
import java.util.stream.IntStream;

/** {@link PanelProduct} of INT8 on vectors of 256 bits: up to 3 rows and 32 columns in 12 of the 16 registers. */
final class AvxVnniKernel {
    /** Rows of a block. */
    static final int ROWS = 3;

    private static final int VECTOR_BYTES = 32;

    /** Vectors of one row of the panel. */
    private static final int VECTORS = 4;

    /** Groups of four elements in one step of the depth. */
    private static final int GROUPS = PanelProduct.STEP_BYTES / Integer.BYTES;

    /** The first of the registers that hold elements of rows. */
    private static final Vector ELEMENT = ymm(12);

    private static final Vector B = ymm(15);

    private AvxVnniKernel() {}

    /** A routine for each number of rows from 1 to 3. */
    static List<byte[]> routines() {
        return IntStream.rangeClosed(1, ROWS)
                .mapToObj(rows -> rows == 1 ? singleRow() : code(rows))
                .toList();
    }

    private static byte[] singleRow() {
        return new VectorSingleRow(Registers::ymm, VECTORS * VECTOR_BYTES, AvxVnniKernel::group).code();
    }

    /** Four elements of a single row, times all columns of the panel. */
    private static void group(Assembler a, List<Vector> sums, Memory row, Memory panel) {
        a.vpbroadcastd(ELEMENT, row);
        for (int v = 0; v < VECTORS; v++) {
            a.vmovups(B, panel.plus(v * VECTOR_BYTES));
            a.vpdpbusdVex(sums.get(v), ELEMENT, B);
        }
    }

    /** Arguments as {@link PanelCode#run} lists them. In the loop rax walks along the rows, r11 along the panel. */
    private static byte[] code(int rows) {
        var a = new Assembler();
        var frame = StackFrame.enter(a, rbx);
        a.mov(rbx, frame.argument(PanelCode.BLOCKS));

        var block = new Assembler.Label();
        var sums = new Assembler.Label();
        var step = new Assembler.Label();
        a.place(block);
        for (int i = 0; i < VECTORS * rows; i++) {
            a.vpxorVex(ymm(i), ymm(i), ymm(i));
        }
        a.mov(rax, frame.argument(PanelCode.ADD));
        a.test(rax);
        a.jz(sums);
        a.mov(r11, rcx);
        for (int r = 0; r < rows; r++) {
            for (int v = 0; v < VECTORS; v++) {
                a.vmovups(ymm(VECTORS * r + v), at(r11, v * VECTOR_BYTES));
            }
            a.add(r11, r8);
        }
        a.place(sums);
        a.mov(rax, rdi);
        a.mov(r11, rdx);
        a.mov(r10, r9);

        a.place(step);
        for (int group = 0; group < GROUPS; group++) {
            for (int r = 0; r < rows; r++) {
                var row = r == 0 ? at(rax) : at(rax, rsi, r);
                a.vpbroadcastd(element(r), row.plus(group * Integer.BYTES));
            }
            for (int v = 0; v < VECTORS; v++) {
                a.vmovups(B, at(r11, (VECTORS * group + v) * VECTOR_BYTES));
                for (int r = 0; r < rows; r++) {
                    a.vpdpbusdVex(ymm(VECTORS * r + v), element(r), B);
                }
            }
        }
        a.add(rax, PanelProduct.STEP_BYTES);
        a.add(r11, PanelProduct.PANEL_STEP_BYTES);
        a.dec(r10);
        a.jnz(step);

        for (int r = 0; r < rows; r++) {
            for (int v = 0; v < VECTORS; v++) {
                a.vmovups(at(rcx, v * VECTOR_BYTES), ymm(VECTORS * r + v));
            }
            a.add(rcx, r8);
            a.add(rdi, rsi);
        }
        a.dec(rbx);
        a.jnz(block);
        a.vzeroupper();
        frame.leave();
        return a.bytes();
    }

    private static Vector element(int row) {
        return ymm(ELEMENT.number() + row);
    }
}
