package io.coda4j.tensor.cpu.x86;

import static io.coda4j.tensor.cpu.x86.Registers.at;
import static io.coda4j.tensor.cpu.x86.Registers.rsp;

import io.coda4j.tensor.cpu.x86.Operand.Gpr;
import io.coda4j.tensor.cpu.x86.Operand.Memory;
import java.util.List;

/**
 * The stack of a routine: the registers of the caller that it keeps, and the arguments that do not fit into registers
 * (System V ABI for AMD64, 3.2.3).
 */
final class StackFrame {
    private final Assembler assembler;
    private final List<Gpr> kept;

    private StackFrame(Assembler assembler, List<Gpr> kept) {
        this.assembler = assembler;
        this.kept = kept;
    }

    /** Begins a routine that changes {@code kept}, which belong to the caller. */
    static StackFrame enter(Assembler assembler, Gpr... kept) {
        var frame = new StackFrame(assembler, List.of(kept));
        frame.kept.forEach(assembler::push);
        return frame;
    }

    /** Argument {@code number} of those that do not fit into registers: above the kept registers and the return address. */
    Memory argument(int number) {
        return at(rsp, Long.BYTES * (kept.size() + 1 + number));
    }

    /** Ends the routine. */
    void leave() {
        kept.reversed().forEach(assembler::pop);
        assembler.ret();
    }
}
