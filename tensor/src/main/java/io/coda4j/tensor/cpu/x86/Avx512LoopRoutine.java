package io.coda4j.tensor.cpu.x86;

import io.coda4j.tensor.cpu.x86.LoopProgram.Op;
import io.coda4j.tensor.cpu.x86.LoopProgram.Step;
import io.coda4j.tensor.cpu.x86.Operand.Mask;
import io.coda4j.tensor.cpu.x86.Operand.Memory;
import io.coda4j.tensor.cpu.x86.Operand.Source;
import io.coda4j.tensor.cpu.x86.Operand.Vector;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Loops over vectors of 512 bits. A comparison leaves its mask in a mask register if nothing but selections asks for it, else in a
 * vector.
 */
final class Avx512LoopRoutine extends LoopRoutine {
    /** Of masks on their way to or from a vector. */
    private static final Mask PASSING = Registers.k(1);

    private static final int MASKS = 8;

    /** Whether a step's value is asked for as bits, too, not only as the mask of a selection. */
    private final boolean[] isVector;

    /** The register of each mask while it has one. */
    private final @Nullable Mask[] masks;

    private final Deque<Mask> free = new ArrayDeque<>();

    Avx512LoopRoutine(LoopProgram program) {
        super(program, LoopKernel.LOOPS_AVX512);
        isVector = new boolean[steps.size()];
        masks = new Mask[steps.size()];
        for (var step : steps) {
            for (int i = 0; i < step.in().size(); i++) {
                isVector[step.in().get(i)] |= !isMask(step, i);
            }
        }
        for (int k = PASSING.number() + 1; k < MASKS; k++) {
            free.add(Registers.k(k));
        }
    }

    private static boolean isMask(Step step, int operand) {
        return step.op() == Op.SELECT && operand == 2 || step.op() == Op.AND_NOT && operand == 0;
    }

    @Override
    Vector vectorRegister(int number) {
        return Registers.zmm(number);
    }

    @Override
    void and(Vector to, Vector x, Source y) {
        a.vpandd(to, x, y);
    }

    @Override
    void or(Vector to, Vector x, Source y) {
        a.vpord(to, x, y);
    }

    @Override
    void xor(Vector to, Vector x, Source y) {
        a.vpxord(to, x, y);
    }

    @Override
    void compare(int s, Vector x, Source y, int predicate) {
        if (isVector[s]) {
            a.vcmpps(PASSING, x, y, predicate);
            a.vpmovm2d(result(s), PASSING);
            return;
        }
        if (free.isEmpty()) {
            throw new Crowded();
        }
        var mask = free.pop();
        masks[s] = mask;
        a.vcmpps(mask, x, y, predicate);
    }

    @Override
    void select(int s, int otherwise, int then, int mask) {
        var condition = masks[mask];
        if (condition == null) {
            a.vpmovd2m(PASSING, loaded(mask));
            condition = PASSING;
        }
        var before = loaded(otherwise);
        a.vblendmps(result(s), condition, before, source(then));
    }

    @Override
    void unless(int s, int mask, int value) {
        var condition = masks[mask];
        if (condition == null) {
            var bits = loaded(mask);
            a.vpandnd(result(s), bits, source(value));
        } else {
            var to = copy(value, s);
            a.vpxord(to, condition, to, to);
        }
    }

    @Override
    void release(int s) {
        super.release(s);
        for (int v = 0; v <= s; v++) {
            var mask = masks[v];
            if (mask != null && lastUse(v) <= s) {
                free.push(mask);
                masks[v] = null;
            }
        }
    }

    @Override
    void storeUpper(Memory to, Vector from) {
        var halves = take();
        a.vpsrad(halves, from, 16);
        a.vpmovdw(to, halves);
        giveBack(halves);
    }

    @Override
    void reduceParts(Op op, Vector sum, Vector other) {
        // Quarters are exchanged in the orders in which lanes were.
        a.vshuff32x4(other, sum, sum, NEIGHBOURS);
        combine(op, sum, other);
        a.vshuff32x4(other, sum, sum, PAIRS);
        combine(op, sum, other);
    }
}
