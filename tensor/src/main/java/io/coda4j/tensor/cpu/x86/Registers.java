package io.coda4j.tensor.cpu.x86;

import io.coda4j.tensor.cpu.x86.Operand.Gpr;
import io.coda4j.tensor.cpu.x86.Operand.Mask;
import io.coda4j.tensor.cpu.x86.Operand.Memory;
import io.coda4j.tensor.cpu.x86.Operand.Tile;
import io.coda4j.tensor.cpu.x86.Operand.Vector;

/** The operands under the names that they have in assembly language, to be imported statically. */
final class Registers {
    static final Gpr rax = new Gpr(0);
    static final Gpr rcx = new Gpr(1);
    static final Gpr rdx = new Gpr(2);
    static final Gpr rbx = new Gpr(3);
    static final Gpr rsp = new Gpr(4);
    static final Gpr rbp = new Gpr(5);
    static final Gpr rsi = new Gpr(6);
    static final Gpr rdi = new Gpr(7);
    static final Gpr r8 = new Gpr(8);
    static final Gpr r9 = new Gpr(9);
    static final Gpr r10 = new Gpr(10);
    static final Gpr r11 = new Gpr(11);
    static final Gpr r12 = new Gpr(12);
    static final Gpr r13 = new Gpr(13);
    static final Gpr r14 = new Gpr(14);
    static final Gpr r15 = new Gpr(15);

    static final Tile tmm0 = new Tile(0);
    static final Tile tmm1 = new Tile(1);
    static final Tile tmm2 = new Tile(2);
    static final Tile tmm3 = new Tile(3);
    static final Tile tmm4 = new Tile(4);
    static final Tile tmm5 = new Tile(5);
    static final Tile tmm6 = new Tile(6);
    static final Tile tmm7 = new Tile(7);

    private Registers() {}

    /** A vector register of 512 bits. */
    static Vector zmm(int number) {
        return new Vector(number, 512);
    }

    /** A vector register of 256 bits. */
    static Vector ymm(int number) {
        return new Vector(number, 256);
    }

    /** A mask register. */
    static Mask k(int number) {
        return new Mask(number);
    }

    /** The memory at {@code base}. */
    static Memory at(Gpr base) {
        return at(base, 0);
    }

    /** The memory at {@code base + displacement}. */
    static Memory at(Gpr base, int displacement) {
        return new Memory(base, null, 1, displacement);
    }

    /** The memory at {@code base + index * scale}. */
    static Memory at(Gpr base, Gpr index, int scale) {
        return new Memory(base, index, scale, 0);
    }
}
