package io.coda4j.tensor.cpu.x86;

import io.coda4j.tensor.cpu.x86.LoopProgram.Op;
import io.coda4j.tensor.cpu.x86.Operand.Memory;
import io.coda4j.tensor.cpu.x86.Operand.Source;
import io.coda4j.tensor.cpu.x86.Operand.Vector;

/** Loops over vectors of 256 bits. A mask is a vector, of ones in the lanes that it means. */
final class Avx2LoopRoutine extends LoopRoutine {
    Avx2LoopRoutine(LoopProgram program) {
        super(program, LoopKernel.LOOPS_AVX2);
    }

    @Override
    Vector vectorRegister(int number) {
        return Registers.ymm(number);
    }

    @Override
    void and(Vector to, Vector x, Source y) {
        a.vpand(to, x, y);
    }

    @Override
    void or(Vector to, Vector x, Source y) {
        a.vpor(to, x, y);
    }

    @Override
    void xor(Vector to, Vector x, Source y) {
        a.vpxorVex(to, x, y);
    }

    @Override
    void compare(int s, Vector x, Source y, int predicate) {
        a.vcmpps(result(s), x, y, predicate);
    }

    @Override
    void select(int s, int otherwise, int then, int mask) {
        var before = loaded(otherwise);
        var after = source(then);
        var condition = loaded(mask);
        a.vblendvps(result(s), before, after, condition);
    }

    @Override
    void unless(int s, int mask, int value) {
        var condition = loaded(mask);
        a.vpandn(result(s), condition, source(value));
    }

    @Override
    void storeUpper(Memory to, Vector from) {
        var halves = take();
        var exchanged = take();
        a.vpsrad(halves, from, 16);
        a.vperm2f128(exchanged, halves, halves, 1);
        a.vpackssdw(halves, halves, exchanged);
        a.vextractf128(to, halves, 0);
        giveBack(exchanged);
        giveBack(halves);
    }

    @Override
    void reduceParts(Op op, Vector sum, Vector other) {
        a.vperm2f128(other, sum, sum, 1);
        combine(op, sum, other);
    }
}
