package io.coda4j.tensor.cpu.x86;

import static io.coda4j.tensor.cpu.x86.Registers.at;
import static io.coda4j.tensor.cpu.x86.Registers.rcx;
import static io.coda4j.tensor.cpu.x86.Registers.ymm;

import io.coda4j.tensor.cpu.x86.Operand.Memory;
import io.coda4j.tensor.cpu.x86.Operand.Vector;
import java.util.List;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/** {@link SingleRowRoutine} on vectors, whose first registers are the sums of all columns. */
final class VectorSingleRow extends SingleRowRoutine {
    /** Pieces of a quarter in one turn of the loop. */
    private static final int PIECES = 4;

    private final List<Vector> sums;
    private final Piece piece;

    /** Adds to the sums the products of 32 bits of the row with what meets them in the panel. */
    @FunctionalInterface
    interface Piece {
        void assemble(Assembler assembler, List<Vector> sums, Memory row, Memory panel);
    }

    /**
     * A routine on registers that {@code register} gives by number.
     *
     * @param panelBytes bytes of the panel that meet 32 bits of the row
     */
    VectorSingleRow(IntFunction<Vector> register, int panelBytes, Piece piece) {
        super(Integer.BYTES, panelBytes, PIECES);
        int vectors = PanelProduct.COLUMNS * Integer.SIZE / register.apply(0).bits();
        this.sums = IntStream.range(0, vectors).mapToObj(register).toList();
        this.piece = piece;
    }

    @Override
    void begin(Assembler a, StackFrame frame) {}

    @Override
    void zero(Assembler a) {
        for (var sum : sums) {
            // Clears what lies above 256 bits, too.
            var lower = ymm(sum.number());
            a.vpxorVex(lower, lower, lower);
        }
    }

    @Override
    void load(Assembler a) {
        for (int i = 0; i < sums.size(); i++) {
            a.vmovups(sums.get(i), place(i));
        }
    }

    @Override
    void multiply(Assembler a, Memory row, Memory panel) {
        piece.assemble(a, sums, row, panel);
    }

    @Override
    void store(Assembler a) {
        for (int i = 0; i < sums.size(); i++) {
            a.vmovups(place(i), sums.get(i));
        }
    }

    private Memory place(int vector) {
        return at(rcx, vector * sums.getFirst().bits() / Byte.SIZE);
    }

    @Override
    void end(Assembler a) {
        a.vzeroupper();
    }
}
