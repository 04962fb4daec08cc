package io.coda4j.tensor.cpu.x86;

import static io.coda4j.tensor.cpu.x86.Registers.at;
import static io.coda4j.tensor.cpu.x86.Registers.r10;
import static io.coda4j.tensor.cpu.x86.Registers.r11;
import static io.coda4j.tensor.cpu.x86.Registers.r12;
import static io.coda4j.tensor.cpu.x86.Registers.r13;
import static io.coda4j.tensor.cpu.x86.Registers.r14;
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
import java.util.stream.Stream;

/**
 * {@link TileProduct} on AVX2 and FMA: twelve sums of a vector each in registers, which the Vector API's compiler does not
 * keep there, and requests for memory that is needed soon, for which it has no word.
 *
 * <p>The processor asks on its own for the left rows, which it reads in order. The panel comes from the first-level cache but
 * for the first tile, during which the next panel is asked for; and the rows of C, far apart, when a tile begins.
 */
final class Avx2TileKernel {
    /** Rows of a tile: with two vectors of sums each, two of the panel, one element and one constant they fill 16 registers. */
    static final int ROWS = 6;

    private static final int LANES = 8;
    private static final int VECTOR_BYTES = LANES * Float.BYTES;
    private static final int LINE_BYTES = 64;

    /** Vectors of sums of one row. */
    private static final int VECTORS = TileProduct.COLUMNS / LANES;

    private static final Vector ELEMENT = ymm(14);

    /** The upper halves of 32 bits. */
    private static final Vector UPPER = ymm(15);

    private final Assembler a = new Assembler();
    private final int rows;
    private final boolean narrow;

    private Avx2TileKernel(int rows, boolean narrow) {
        this.rows = rows;
        this.narrow = narrow;
    }

    /** A routine for each number of rows from 1 to 6 with panels of F32, then as many with panels of BF16. */
    static List<byte[]> routines() {
        return Stream.of(false, true)
                .flatMap(narrow ->
                        IntStream.rangeClosed(1, ROWS).mapToObj(rows -> new Avx2TileKernel(rows, narrow).code()))
                .toList();
    }

    /**
     * Arguments as {@link TileCode#run} lists them. In the loop rax walks along the depth of row 0, and with the distances rcx,
     * r10 = 3 rcx and r12 = 5 rcx reaches the others; r11 walks along the panel, r14 along the next one.
     */
    private byte[] code() {
        var frame = StackFrame.enter(a, rbx, rbp, r12, r13, r14);
        a.mov(rax, frame.argument(TileCode.A_AT));
        a.add(rdi, rax);
        a.mov(rax, frame.argument(TileCode.C_AT));
        a.add(rsi, rax);
        a.lea(r10, at(rcx, rcx, 2));
        a.lea(r12, at(rcx, rcx, 4));
        a.mov(r14, frame.argument(TileCode.NEXT));
        a.mov(rbx, frame.argument(TileCode.TILES));
        if (narrow) {
            a.vpcmpeqd(UPPER, UPPER, UPPER);
            a.vpslld(UPPER, UPPER, 16);
        }
        var tile = new Assembler.Label();
        a.place(tile);
        begin(frame);
        multiply();
        finish(frame);
        a.mov(rax, frame.argument(TileCode.A_TILE));
        a.add(rdi, rax);
        a.mov(rsi, r13);
        a.dec(rbx);
        a.jnz(tile);
        a.vzeroupper();
        frame.leave();
        return a.bytes();
    }

    private Vector sum(int row, int v) {
        return ymm(row * VECTORS + v);
    }

    private static Vector weights(int v) {
        return ymm(ROWS * VECTORS + v);
    }

    /** Zeros for sums, and a request for the rows of C that they will go to. */
    private void begin(StackFrame frame) {
        a.mov(rax, rdi);
        a.mov(r11, rdx);
        a.mov(rbp, frame.argument(TileCode.DEPTH));
        a.mov(r13, rsi);
        for (int r = 0; r < rows; r++) {
            a.prefetcht0(at(r13));
            a.add(r13, r9);
            for (int v = 0; v < VECTORS; v++) {
                a.vpxorVex(sum(r, v), sum(r, v), sum(r, v));
            }
        }
    }

    /** One of two loops: only the first tile asks for the next panel, if there is one. */
    private void multiply() {
        var alone = new Assembler.Label();
        var done = new Assembler.Label();
        a.test(r14);
        a.jz(alone);
        var asking = new Assembler.Label();
        a.place(asking);
        a.prefetcht1(at(r14));
        a.add(r14, narrow ? LINE_BYTES / 2 : LINE_BYTES);
        step();
        a.jnz(asking);
        a.mov(r14, 0);
        a.jmp(done);
        a.place(alone);
        step();
        a.jnz(alone);
        a.place(done);
    }

    /** One step of the depth; the zero flag says whether it was the last. */
    private void step() {
        if (narrow) {
            a.vmovupsVex(weights(1), at(r11));
            a.vpslld(weights(0), weights(1), 16);
            a.vpand(weights(1), weights(1), UPPER);
        } else {
            a.vmovupsVex(weights(0), at(r11));
            a.vmovupsVex(weights(1), at(r11, VECTOR_BYTES));
        }
        for (int r = 0; r < rows; r++) {
            a.vbroadcastss(ELEMENT, row(r));
            for (int v = 0; v < VECTORS; v++) {
                a.vfmadd231ps(sum(r, v), ELEMENT, weights(v));
            }
        }
        a.add(r11, narrow ? VECTOR_BYTES : VECTORS * VECTOR_BYTES);
        a.add(rax, r8);
        a.dec(rbp);
    }

    /** Scales the sums, adds what is there if it is to be added, and stores them; r13 ends behind the rows. */
    private void finish(StackFrame frame) {
        a.vbroadcastss(ELEMENT, frame.argument(TileCode.SCALE));
        for (int i = 0; i < rows * VECTORS; i++) {
            a.vmulps(ymm(i), ymm(i), ELEMENT);
        }
        var store = new Assembler.Label();
        a.mov(rax, frame.argument(TileCode.ADD));
        a.test(rax);
        a.jz(store);
        a.mov(r13, rsi);
        for (int r = 0; r < rows; r++) {
            for (int v = 0; v < VECTORS; v++) {
                a.vaddps(sum(r, v), sum(r, v), at(r13, v * VECTOR_BYTES));
            }
            a.add(r13, r9);
        }
        a.place(store);
        a.mov(r13, rsi);
        for (int r = 0; r < rows; r++) {
            for (int v = 0; v < VECTORS; v++) {
                a.vmovupsVex(at(r13, v * VECTOR_BYTES), sum(r, v));
            }
            a.add(r13, r9);
        }
    }

    /** Where the element of a row is. */
    private static Memory row(int row) {
        return switch (row) {
            case 0 -> at(rax);
            case 1 -> at(rax, rcx, 1);
            case 2 -> at(rax, rcx, 2);
            case 3 -> at(rax, r10, 1);
            case 4 -> at(rax, rcx, 4);
            case 5 -> at(rax, r12, 1);
            default -> throw new IllegalArgumentException("rows 0 to 5 expected, got " + row);
        };
    }
}
