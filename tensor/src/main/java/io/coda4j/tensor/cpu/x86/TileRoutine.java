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
import static io.coda4j.tensor.cpu.x86.Registers.rsp;
import static io.coda4j.tensor.cpu.x86.Registers.ymm;
import static io.coda4j.tensor.cpu.x86.Registers.zmm;
import static io.coda4j.tensor.cpu.x86.TileKernel.VECTORS;

import io.coda4j.tensor.cpu.x86.Operand.Memory;
import io.coda4j.tensor.cpu.x86.Operand.Vector;

/**
 * One routine of {@link TileProduct}: two vectors of sums for each row in registers, which the Vector API's compiler does not
 * keep there, and requests for memory that is needed soon, for which it has no word.
 *
 * <p>The processor asks on its own for the left rows, which it reads in order. The panel comes from the first-level cache but
 * for the first tile. When a tile begins, the rows of C, far apart, are asked for, and a part of the next panel: all of it during the
 * first tile, which reads its own panel from further away, would make that twice as long. Only where tiles are few it is.
 */
final class TileRoutine {
    private static final int LINE_BYTES = 64;

    /** Up to so many rows are all reached from row 0. */
    private static final int NEAR = 6;

    private final Assembler a = new Assembler();
    private final TileKernel kernel;
    private final int rows;
    private final boolean narrow;
    private final int vectorBytes;

    /** Bytes of the panel that one step of the depth takes. */
    private final int stepBytes;

    /** The upper halves of 32 bits. */
    private final Vector upper;

    private TileRoutine(TileKernel kernel, int rows, boolean narrow) {
        this.kernel = kernel;
        this.rows = rows;
        this.narrow = narrow;
        this.vectorBytes = kernel.lanes() * Float.BYTES;
        this.stepBytes = narrow ? vectorBytes : VECTORS * vectorBytes;
        this.upper = vector(registers() - 1);
    }

    /** The routine for {@code rows} rows and panels of F32, or of pairs of BF16 if {@code narrow}. */
    static byte[] code(TileKernel kernel, int rows, boolean narrow) {
        return new TileRoutine(kernel, rows, narrow).code();
    }

    /**
     * Arguments as {@link TileCode#run} lists them. In the loop rax walks along the depth of row 0 and r15 along row 5; with the
     * distances rcx, r10 = 3 rcx and r12 = 5 rcx they reach all rows. r11 walks along the panel, r14 along the next one.
     */
    private byte[] code() {
        var frame = StackFrame.enter(a, rbx, rbp, r12, r13, r14, r15);
        a.mov(rax, frame.argument(TileCode.A_AT));
        a.add(rdi, rax);
        a.mov(rax, frame.argument(TileCode.C_AT));
        a.add(rsi, rax);
        a.lea(r10, at(rcx, rcx, 2));
        a.lea(r12, at(rcx, rcx, 4));
        a.mov(r14, frame.argument(TileCode.NEXT));
        a.mov(rbx, frame.argument(TileCode.TILES));
        if (narrow) {
            a.mov(rax, 0xffff_0000);
            a.push(rax);
            a.vpbroadcastd(upper, at(rsp));
            a.pop(rax);
        }
        var tile = new Assembler.Label();
        a.place(tile);
        begin(frame);
        multiply(frame);
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

    private boolean isWide() {
        return kernel.lanes() == 16;
    }

    private int registers() {
        return isWide() ? 32 : 16;
    }

    private Vector vector(int number) {
        return isWide() ? zmm(number) : ymm(number);
    }

    private Vector sum(int row, int v) {
        return vector(row * VECTORS + v);
    }

    private Vector weights(int v) {
        return vector(kernel.rows() * VECTORS + v);
    }

    /** Registers for elements of rows take turns where there are several, so that broadcasts can run ahead. */
    private Vector element(int row) {
        int first = (kernel.rows() + 1) * VECTORS;
        return vector(first + row % (registers() - 1 - first));
    }

    private void clear(Vector register) {
        if (isWide()) {
            a.vpxord(register, register, register);
        } else {
            a.vpxorVex(register, register, register);
        }
    }

    /** Zeros for sums, and requests for the rows of C that they will go to and for a part of the next panel. */
    private void begin(StackFrame frame) {
        ask(frame);
        a.mov(rax, rdi);
        if (rows > NEAR) {
            a.lea(r15, at(rdi, r12, 1));
        }
        a.mov(r11, rdx);
        a.mov(rbp, frame.argument(TileCode.DEPTH));
        a.mov(r13, rsi);
        for (int r = 0; r < rows; r++) {
            for (int line = 0; line < VECTORS * vectorBytes; line += LINE_BYTES) {
                a.prefetcht0(at(r13, line));
            }
            a.add(r13, r9);
            for (int v = 0; v < VECTORS; v++) {
                clear(sum(r, v));
            }
        }
    }

    /** Asks for the lines of the next panel that are this tile's to ask for. */
    private void ask(StackFrame frame) {
        var done = new Assembler.Label();
        a.test(r14);
        a.jz(done);
        a.mov(rbp, frame.argument(TileCode.AHEAD));
        a.test(rbp);
        a.jz(done);
        var line = new Assembler.Label();
        a.place(line);
        a.prefetcht1(at(r14));
        a.add(r14, LINE_BYTES);
        a.dec(rbp);
        a.jnz(line);
        a.place(done);
    }

    /** One of two loops: the first tile asks for the next panel, if there is one and tiles are too few to share it. */
    private void multiply(StackFrame frame) {
        var alone = new Assembler.Label();
        var done = new Assembler.Label();
        a.test(r14);
        a.jz(alone);
        a.mov(r13, frame.argument(TileCode.AHEAD));
        a.test(r13);
        a.jnz(alone);
        var asking = new Assembler.Label();
        a.place(asking);
        for (int line = 0; line < stepBytes; line += LINE_BYTES) {
            a.prefetcht1(at(r14, line));
        }
        a.add(r14, stepBytes);
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
            a.vmovups(weights(1), at(r11));
            a.vpslld(weights(0), weights(1), 16);
            if (isWide()) {
                a.vpandd(weights(1), weights(1), upper);
            } else {
                a.vpand(weights(1), weights(1), upper);
            }
        } else {
            a.vmovups(weights(0), at(r11));
            a.vmovups(weights(1), at(r11, vectorBytes));
        }
        for (int r = 0; r < rows; r++) {
            a.vbroadcastss(element(r), row(r));
            for (int v = 0; v < VECTORS; v++) {
                a.vfmadd231ps(sum(r, v), element(r), weights(v));
            }
        }
        a.add(r11, stepBytes);
        a.add(rax, r8);
        if (rows > NEAR) {
            a.add(r15, r8);
        }
        a.dec(rbp);
    }

    /** Scales the sums, adds what is there if it is to be added, and stores them; r13 ends behind the rows. */
    private void finish(StackFrame frame) {
        var scale = element(0);
        a.vbroadcastss(scale, frame.argument(TileCode.SCALE));
        for (int i = 0; i < rows * VECTORS; i++) {
            a.vmulps(vector(i), vector(i), scale);
        }
        var store = new Assembler.Label();
        a.mov(rax, frame.argument(TileCode.ADD));
        a.test(rax);
        a.jz(store);
        a.mov(r13, rsi);
        for (int r = 0; r < rows; r++) {
            for (int v = 0; v < VECTORS; v++) {
                a.vaddps(sum(r, v), sum(r, v), at(r13, v * vectorBytes));
            }
            a.add(r13, r9);
        }
        a.place(store);
        a.mov(r13, rsi);
        for (int r = 0; r < rows; r++) {
            for (int v = 0; v < VECTORS; v++) {
                a.vmovups(at(r13, v * vectorBytes), sum(r, v));
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
            case 6 -> at(rax, r10, 2);
            case 7 -> at(r15, rcx, 2);
            case 8 -> at(rax, rcx, 8);
            case 9 -> at(r15, rcx, 4);
            case 10 -> at(rax, r12, 2);
            case 11 -> at(r15, r10, 2);
            default -> throw new IllegalArgumentException("rows 0 to 11 expected, got " + row);
        };
    }
}
