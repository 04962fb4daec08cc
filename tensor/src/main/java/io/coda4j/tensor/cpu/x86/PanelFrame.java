package io.coda4j.tensor.cpu.x86;

import static io.coda4j.tensor.cpu.x86.Registers.at;
import static io.coda4j.tensor.cpu.x86.Registers.rsp;

import io.coda4j.tensor.cpu.x86.Operand.Gpr;
import io.coda4j.tensor.cpu.x86.Operand.Memory;
import java.util.List;

/**
 * The stack of a routine that is called as {@link PanelCode#run} says: the registers of the caller that it keeps, and the
 * arguments that do not fit into registers (System V ABI for AMD64, 3.2.3).
 */
final class PanelFrame {
    private final Assembler assembler;
    private final List<Gpr> kept;

    private PanelFrame(Assembler assembler, List<Gpr> kept) {
        this.assembler = assembler;
        this.kept = kept;
    }

    /** Begins a routine that changes {@code kept}, which belong to the caller. */
    static PanelFrame enter(Assembler assembler, Gpr... kept) {
        var frame = new PanelFrame(assembler, List.of(kept));
        frame.kept.forEach(assembler::push);
        return frame;
    }

    /** Whether to add to the sums that are there. */
    Memory add() {
        return argument(0);
    }

    /** The address of the tile configuration. */
    Memory configuration() {
        return argument(1);
    }

    /** The number of blocks. */
    Memory blocks() {
        return argument(2);
    }

    /** Above the kept registers and the return address. */
    private Memory argument(int number) {
        return at(rsp, Long.BYTES * (kept.size() + 1 + number));
    }

    /** Ends the routine. */
    void leave() {
        kept.reversed().forEach(assembler::pop);
        assembler.ret();
    }
}
