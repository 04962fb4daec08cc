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

import io.coda4j.tensor.cpu.x86.LoopProgram.Access;
import io.coda4j.tensor.cpu.x86.LoopProgram.Op;
import io.coda4j.tensor.cpu.x86.LoopProgram.Step;
import io.coda4j.tensor.cpu.x86.Operand.Gpr;
import io.coda4j.tensor.cpu.x86.Operand.Memory;
import io.coda4j.tensor.cpu.x86.Operand.Source;
import io.coda4j.tensor.cpu.x86.Operand.Vector;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The machine code of a {@link LoopProgram}. Every value has a register from its step to its last use; constants are operands in
 * memory. What must outlive a turn of the loop (single floats, partial sums) has a register of its own.
 *
 * <p>Arguments as {@link LoopCode} lists them. rax counts the bytes of all rows, rdi those of a row, two for each element; rsi counts
 * rows and r15 the vectors of a row. The gap between rows is on the stack.
 */
abstract sealed class LoopRoutine permits Avx2LoopRoutine, Avx512LoopRoutine {
    private static final List<Gpr> ADDRESSES = List.of(r8, r9, r10, r11, rbx, rbp, r12, r13, r14);

    // Predicates of VCMPPS, all of them without exceptions (SDM volume 2, table 3-1).
    private static final int EQ_OQ = 0x00;
    private static final int LT_OQ = 0x11;
    private static final int NEQ_UQ = 0x04;
    private static final int GE_OQ = 0x1d;
    private static final int GT_OQ = 0x1e;

    // Orders of four lanes, two bits each.
    static final int NEIGHBOURS = 0xb1;
    static final int PAIRS = 0x4e;

    /** There are not enough registers. */
    static final class Crowded extends RuntimeException {
        private static final long serialVersionUID = 1;

        Crowded() {
            super(null, null, false, false);
        }
    }

    final Assembler a = new Assembler();
    final List<Step> steps;

    private final LoopProgram program;
    private final int vectorBytes;

    /** The registers of memories, those of single floats aside. */
    private final @Nullable Gpr[] addresses;

    /** The bits of constants, by their place in memory. */
    private final List<Integer> constants;

    private final int[] lastUse;

    /** The register of each value while it has one. */
    private final @Nullable Vector[] registers;

    /** Partial sums of each reduction. */
    private final Vector[][] sums;

    private final Deque<Vector> free = new ArrayDeque<>();

    LoopRoutine(LoopProgram program, LoopKernel kernel) {
        this.program = program;
        this.steps = program.steps();
        this.vectorBytes = kernel.bytes();
        this.addresses = new Gpr[program.memories().size()];
        this.constants = constants(program);
        this.lastUse = new int[steps.size()];
        this.registers = new Vector[steps.size()];
        this.sums = new Vector[steps.size()][0];
        for (int s = 0; s < steps.size(); s++) {
            lastUse[s] = s;
            for (int value : steps.get(s).in()) {
                lastUse[value] = s;
            }
        }
        for (int v = 0; v < kernel.registers(); v++) {
            free.add(vectorRegister(v));
        }
    }

    /** The code of {@code routine}, or empty where registers are too few. */
    static Optional<byte[]> code(LoopRoutine routine) {
        try {
            return Optional.of(routine.code());
        } catch (Crowded _) {
            return Optional.empty();
        }
    }

    /** A register of vectors. */
    abstract Vector vectorRegister(int number);

    /** to = the bits that both have. */
    abstract void and(Vector to, Vector x, Source y);

    /** to = the bits that one of them has. */
    abstract void or(Vector to, Vector x, Source y);

    /** to = the bits in which they differ. */
    abstract void xor(Vector to, Vector x, Source y);

    /** Gives step {@code s} the mask of the lanes in which {@code predicate} holds. */
    abstract void compare(int s, Vector x, Source y, int predicate);

    /** Gives step {@code s} the lanes of value {@code then} where value {@code mask} is set, else those of {@code otherwise}. */
    abstract void select(int s, int otherwise, int then, int mask);

    /** Gives step {@code s} the bits of {@code value} that {@code mask} does not have. */
    abstract void unless(int s, int mask, int value);

    /** Stores the upper half of each lane. */
    abstract void storeUpper(Memory to, Vector from);

    /** Combines all 128 bits of a sum, whose lanes are equal within each; {@code other} may be written over. */
    abstract void reduceParts(Op op, Vector sum, Vector other);

    /** The bits of the constants of a program, in the order in which its routine expects them. */
    static List<Integer> constants(LoopProgram program) {
        var bits = new ArrayList<Integer>();
        for (var step : program.steps()) {
            if (step.op() == Op.CONSTANT && !bits.contains(step.number())) {
                bits.add(step.number());
            }
            int first = LoopMeaning.first(step.op());
            if (first != 0 && !bits.contains(first)) {
                bits.add(first);
            }
        }
        return bits;
    }

    private byte[] code() {
        var frame = StackFrame.enter(a, rbx, rbp, r12, r13, r14, r15);
        if (program.arrays() > 0) {
            takeArrays(frame);
        }
        a.push(r8);
        begin();
        var row = new Assembler.Label();
        a.place(row);
        beginRow();
        turns();
        endRow();
        a.dec(rsi);
        a.jnz(row);
        a.pop(r8);
        a.vzeroupper();
        frame.leave();
        return a.bytes();
    }

    /** Makes addresses of the offsets in arrays, and then of the arguments those of a routine without arrays. */
    private void takeArrays(StackFrame frame) {
        var arrays = List.of(rdi, rsi);
        for (int i = 0; i < program.arrays(); i++) {
            var offset = at(rdx, i * Long.BYTES);
            a.mov(rax, offset);
            a.add(rax, arrays.get(i));
            a.mov(offset, rax);
        }
        a.mov(rdi, rdx);
        a.mov(rsi, rcx);
        a.mov(rdx, r8);
        a.mov(rcx, r9);
        a.mov(r8, frame.argument(0));
    }

    /** Loads addresses and single floats, and sets registers aside for what outlives a turn. */
    private void begin() {
        int used = 0;
        for (int m = 0; m < addresses.length; m++) {
            if (program.memories().get(m) != Access.ONE) {
                if (used == ADDRESSES.size()) {
                    throw new Crowded();
                }
                var register = ADDRESSES.get(used++);
                addresses[m] = register;
                a.mov(register, at(rdi, m * Long.BYTES));
            }
        }
        for (int s = 0; s < steps.size(); s++) {
            var step = steps.get(s);
            if (step.op() == Op.BROADCAST) {
                var register = take();
                registers[s] = register;
                if (program.memories().get(step.number()) == Access.ONE) {
                    a.mov(rax, at(rdi, step.number() * Long.BYTES));
                    a.vbroadcastss(register, at(rax));
                }
            } else if (step.op().isReduction()) {
                sums[s] = new Vector[program.copies()];
                for (int copy = 0; copy < program.copies(); copy++) {
                    sums[s][copy] = take();
                }
            }
        }
        a.mov(rax, 0);
    }

    final Vector take() {
        if (free.isEmpty()) {
            throw new Crowded();
        }
        return free.pop();
    }

    final void giveBack(Vector register) {
        free.push(register);
    }

    /** Floats of the row, and partial sums of nothing. */
    private void beginRow() {
        a.mov(rdi, 0);
        for (int s = 0; s < steps.size(); s++) {
            var step = steps.get(s);
            if (step.op() == Op.BROADCAST && program.memories().get(step.number()) == Access.COLUMN) {
                a.vbroadcastss(register(s), at(address(step.number())));
            }
            for (var sum : sums[s]) {
                int first = LoopMeaning.first(step.op());
                if (first == 0) {
                    xor(sum, sum, sum);
                } else {
                    a.vmovups(sum, constant(first));
                }
            }
        }
    }

    /** Turns of several vectors, and then the vectors that are left. */
    private void turns() {
        int copies = program.copies();
        var end = new Assembler.Label();
        a.mov(r15, rdx);
        if (copies > 1) {
            var rest = new Assembler.Label();
            a.add(r15, -copies);
            a.js(rest);
            var turn = new Assembler.Label();
            a.place(turn);
            for (int copy = 0; copy < copies; copy++) {
                vector(copy);
            }
            advance(copies);
            a.add(r15, -copies);
            a.jns(turn);
            a.place(rest);
            a.add(r15, copies);
        }
        a.test(r15);
        a.jz(end);
        var single = new Assembler.Label();
        a.place(single);
        vector(0);
        advance(1);
        a.dec(r15);
        a.jnz(single);
        a.place(end);
    }

    private void advance(int vectors) {
        a.add(rax, vectors * vectorBytes / 2);
        a.add(rdi, vectors * vectorBytes / 2);
    }

    private void vector(int copy) {
        for (int s = 0; s < steps.size(); s++) {
            step(s, copy);
        }
    }

    private void endRow() {
        for (int s = 0; s < steps.size(); s++) {
            var step = steps.get(s);
            if (step.op().isReduction()) {
                reduce(step.op(), sums[s]);
                a.vmovss(at(address(step.number())), sums[s][0]);
            }
        }
        a.mov(r15, at(rsp));
        a.add(rax, r15);
        for (int m = 0; m < addresses.length; m++) {
            if (program.memories().get(m) == Access.COLUMN) {
                a.add(address(m), Float.BYTES);
            }
        }
    }

    /** All partial sums in lane 0 of the first, neighbours first. */
    private void reduce(Op op, Vector[] partial) {
        for (int distance = 1; distance < partial.length; distance *= 2) {
            for (int i = 0; i < partial.length; i += 2 * distance) {
                combine(op, partial[i], partial[i + distance]);
            }
        }
        var sum = partial[0];
        var other = take();
        a.vpermilps(other, sum, NEIGHBOURS);
        combine(op, sum, other);
        a.vpermilps(other, sum, PAIRS);
        combine(op, sum, other);
        reduceParts(op, sum, other);
        giveBack(other);
    }

    final void combine(Op op, Vector sum, Vector other) {
        if (op == Op.GREATEST) {
            a.vmaxps(sum, sum, other);
        } else {
            a.vaddps(sum, sum, other);
        }
    }

    private void step(int s, int copy) {
        var step = steps.get(s);
        switch (step.op()) {
            // Both are there when the loop begins.
            case CONSTANT, BROADCAST -> {}
            case LOAD -> load(result(s), step.number(), copy);
            case STORE -> store(step.number(), copy, loaded(step.in().get(0)));
            case SUM -> a.vaddps(sums[s][copy], sums[s][copy], source(step.in().get(0)));
            case GREATEST -> a.vmaxps(sums[s][copy], loaded(step.in().get(0)), sums[s][copy]);
            case SUM_OF_PRODUCTS -> {
                var operands = lastInMemory(step);
                a.vfmadd231ps(sums[s][copy], loaded(operands.get(0)), source(operands.get(1)));
            }
            case MULTIPLY_ADD -> multiplyAdd(s);
            case SQUARE_ROOT -> a.vsqrtps(result(s), source(step.in().get(0)));
            case INTS_TO_FLOATS -> a.vcvtdq2ps(result(s), source(step.in().get(0)));
            case SHIFT_LEFT -> {
                var from = loaded(step.in().get(0));
                a.vpslld(result(s), from, step.number());
            }
            case SHIFT_RIGHT -> {
                var from = loaded(step.in().get(0));
                a.vpsrad(result(s), from, step.number());
            }
            case SELECT ->
                select(s, step.in().get(0), step.in().get(1), step.in().get(2));
            case AND_NOT -> unless(s, step.in().get(0), step.in().get(1));
            case GREATER -> compare(s, GT_OQ);
            case AT_LEAST -> compare(s, GE_OQ);
            case LESS -> compare(s, LT_OQ);
            case EQUAL -> compare(s, EQ_OQ);
            case NOT_EQUAL -> compare(s, NEQ_UQ);
            case ADD -> binary(s, a::vaddps);
            case SUBTRACT -> binary(s, a::vsubps);
            case MULTIPLY -> binary(s, a::vmulps);
            case DIVIDE -> binary(s, a::vdivps);
            case AND -> binary(s, this::and);
            case OR -> binary(s, this::or);
            case XOR -> binary(s, this::xor);
            case ADD_INTS -> binary(s, a::vpaddd);
            case SUBTRACT_INTS -> binary(s, a::vpsubd);
        }
        release(s);
    }

    private void load(Vector to, int memory, int copy) {
        if (program.memories().get(memory).isNarrow()) {
            a.vpmovzxwd(to, rows(memory, copy));
            a.vpslld(to, to, 16);
        } else {
            a.vmovups(to, rows(memory, copy));
        }
    }

    private void store(int memory, int copy, Vector from) {
        if (program.memories().get(memory).isNarrow()) {
            storeUpper(rows(memory, copy), from);
        } else {
            a.vmovups(rows(memory, copy), from);
        }
    }

    /** An instruction of two operands. */
    @FunctionalInterface
    private interface Binary {
        void emit(Vector to, Vector x, Source y);
    }

    private void binary(int s, Binary instruction) {
        var operands = lastInMemory(steps.get(s));
        var first = loaded(operands.get(0));
        instruction.emit(result(s), first, source(operands.get(1)));
    }

    private void compare(int s, int predicate) {
        var operands = lastInMemory(steps.get(s));
        var first = loaded(operands.get(0));
        compare(s, first, source(operands.get(1)), predicate);
    }

    /** The instruction writes over one of its operands: c or a, if nothing else needs it, else a copy of c. */
    private void multiplyAdd(int s) {
        var operands = lastInMemory(steps.get(s));
        int x = operands.get(0);
        int y = operands.get(1);
        int z = steps.get(s).in().get(2);
        if (endsAt(z, s)) {
            a.vfmadd231ps(register(z), loaded(x), source(y));
            pass(z, s);
        } else if (endsAt(x, s) && !isConstant(y)) {
            a.vfmadd213ps(register(x), register(y), source(z));
            pass(x, s);
        } else if (endsAt(y, s)) {
            a.vfmadd213ps(register(y), loaded(x), source(z));
            pass(y, s);
        } else {
            var first = loaded(x);
            var to = copy(z, s);
            a.vfmadd231ps(to, first, source(y));
        }
    }

    /** The register of step {@code s}, which holds {@code value}: its own where nothing else needs it. */
    final Vector copy(int value, int s) {
        if (endsAt(value, s)) {
            pass(value, s);
            return register(s);
        }
        var to = result(s);
        if (isConstant(value)) {
            a.vmovups(to, constant(steps.get(value).number()));
        } else {
            a.vmovaps(to, register(value));
        }
        return to;
    }

    /** Whether value {@code v} is in a register that step {@code s} may write over. */
    private boolean endsAt(int v, int s) {
        return lastUse[v] == s && !isConstant(v) && steps.get(v).op() != Op.BROADCAST;
    }

    /** Makes the register of {@code value} that of step {@code s}. */
    private void pass(int value, int s) {
        registers[s] = register(value);
        registers[value] = null;
    }

    /** The first two operands, a constant last where that makes no difference. */
    private List<Integer> lastInMemory(Step step) {
        int x = step.in().get(0);
        int y = step.in().get(1);
        return step.op().isCommutative() && isConstant(x) ? List.of(y, x) : List.of(x, y);
    }

    private boolean isConstant(int value) {
        return steps.get(value).op() == Op.CONSTANT;
    }

    /** A new register for the value of step {@code s}. */
    final Vector result(int s) {
        var register = take();
        registers[s] = register;
        return register;
    }

    private Vector register(int value) {
        var register = registers[value];
        if (register == null) {
            throw new IllegalStateException("value " + value + " has no register at this step");
        }
        return register;
    }

    /** The value as a last operand: a constant where it lies. */
    final Source source(int value) {
        return isConstant(value) ? constant(steps.get(value).number()) : register(value);
    }

    /** The value in a register, which a constant is given until the step's end. */
    final Vector loaded(int value) {
        if (isConstant(value) && registers[value] == null) {
            a.vmovups(result(value), constant(steps.get(value).number()));
        }
        return register(value);
    }

    /** The last step that needs {@code value}. */
    final int lastUse(int value) {
        return lastUse[value];
    }

    /** Gives back the registers of values that step {@code s} was the last to need. */
    void release(int s) {
        for (int v = 0; v <= s; v++) {
            var register = registers[v];
            boolean ends = isConstant(v) || lastUse[v] <= s && steps.get(v).op() != Op.BROADCAST;
            if (register != null && ends) {
                free.push(register);
                registers[v] = null;
            }
        }
    }

    private Memory constant(int bits) {
        return at(rcx, constants.indexOf(bits) * vectorBytes);
    }

    private Gpr address(int memory) {
        var register = addresses[memory];
        if (register == null) {
            throw new IllegalStateException("memory " + memory + " has no register");
        }
        return register;
    }

    private Memory rows(int memory, int copy) {
        var access = program.memories().get(memory);
        var offset = access == Access.ROW || access == Access.BF16_ROW ? rdi : rax;
        int scale = access.elementBytes() / Short.BYTES;
        return at(address(memory), offset, scale).plus(copy * scale * vectorBytes / 2);
    }
}
