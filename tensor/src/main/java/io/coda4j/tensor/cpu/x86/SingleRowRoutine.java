package io.coda4j.tensor.cpu.x86;

import static io.coda4j.tensor.cpu.x86.Registers.at;
import static io.coda4j.tensor.cpu.x86.Registers.r10;
import static io.coda4j.tensor.cpu.x86.Registers.r11;
import static io.coda4j.tensor.cpu.x86.Registers.r8;
import static io.coda4j.tensor.cpu.x86.Registers.r9;
import static io.coda4j.tensor.cpu.x86.Registers.rax;
import static io.coda4j.tensor.cpu.x86.Registers.rbp;
import static io.coda4j.tensor.cpu.x86.Registers.rbx;
import static io.coda4j.tensor.cpu.x86.Registers.rdi;
import static io.coda4j.tensor.cpu.x86.Registers.rdx;
import static io.coda4j.tensor.cpu.x86.Registers.rsi;

import io.coda4j.tensor.cpu.x86.Operand.Gpr;
import io.coda4j.tensor.cpu.x86.Operand.Memory;

/**
 * The routine of a {@link PanelKernel} for a single row of INT8, which waits for nothing but the panel. So it walks through the
 * four quarters of the depth at once, in each of which the processor fetches ahead what follows; integers may be added in any
 * order. Steps that are no four come last.
 *
 * <p>Arguments are as {@link PanelCode#run} lists them: rcx is the address of the sums, and as a single row is a single block,
 * the distances of rows and the number of blocks are not used. rdi walks along the row, rdx along the panel; rsi and r8 are one
 * and three quarters of the row, r10 and r11 those of the panel. rbx and rbp are free for the kernel.
 */
abstract class SingleRowRoutine {
    private static final int QUARTERS = 4;

    private final Assembler a = new Assembler();
    private final int rowBytes;
    private final int panelBytes;
    private final int pieces;

    /**
     * A routine whose {@link #multiply} takes pieces of {@code rowBytes} of the row and {@code panelBytes} of the panel,
     * {@code pieces} of each quarter in one turn of the loop.
     */
    SingleRowRoutine(int rowBytes, int panelBytes, int pieces) {
        this.rowBytes = rowBytes;
        this.panelBytes = panelBytes;
        this.pieces = pieces;
    }

    /** What comes first. */
    abstract void begin(Assembler a, StackFrame frame);

    /** Sums become zero. */
    abstract void zero(Assembler a);

    /** Sums become those at rcx. */
    abstract void load(Assembler a);

    /** The products of a piece are added to the sums. */
    abstract void multiply(Assembler a, Memory row, Memory panel);

    /** Sums go to rcx. */
    abstract void store(Assembler a);

    /** What comes last. */
    abstract void end(Assembler a);

    final byte[] code() {
        var frame = StackFrame.enter(a, rbx, rbp);
        var ready = new Assembler.Label();
        begin(a, frame);
        zero(a);
        a.mov(rax, frame.argument(PanelCode.ADD));
        a.test(rax);
        a.jz(ready);
        load(a);
        a.place(ready);
        walk();
        store(a);
        end(a);
        frame.leave();
        return a.bytes();
    }

    private void walk() {
        var count = new Assembler.Label();
        var counted = new Assembler.Label();
        var done = new Assembler.Label();
        a.mov(rsi, 0);
        a.mov(r10, 0);
        a.mov(rax, 0);
        a.add(r9, -QUARTERS);
        a.js(counted);
        a.place(count);
        a.add(rsi, PanelProduct.STEP_BYTES);
        a.add(r10, PanelProduct.STEP_BYTES / rowBytes * panelBytes);
        a.add(rax, stepTurns());
        a.add(r9, -QUARTERS);
        a.jns(count);
        a.lea(r8, at(rsi, rsi, 2));
        a.lea(r11, at(r10, r10, 2));
        turns(QUARTERS);
        a.add(rdi, r8);
        a.add(rdx, r11);
        a.place(counted);
        a.add(r9, QUARTERS);
        a.test(r9);
        a.jz(done);
        a.mov(rax, r9);
        for (int turns = 1; turns < stepTurns(); turns *= 2) {
            a.add(rax, rax);
        }
        turns(1);
        a.place(done);
    }

    /** Turns of the loop that one step takes: a power of two. */
    private int stepTurns() {
        return PanelProduct.STEP_BYTES / (rowBytes * pieces);
    }

    /** As many turns as rax counts, each over {@code pieces} of so many quarters. */
    private void turns(int quarters) {
        var turn = new Assembler.Label();
        a.place(turn);
        for (int piece = 0; piece < pieces; piece++) {
            for (int quarter = 0; quarter < quarters; quarter++) {
                multiply(
                        a,
                        quarter(rdi, rsi, r8, quarter).plus(piece * rowBytes),
                        quarter(rdx, r10, r11, quarter).plus(piece * panelBytes));
            }
        }
        a.add(rdi, pieces * rowBytes);
        a.add(rdx, pieces * panelBytes);
        a.dec(rax);
        a.jnz(turn);
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
}
