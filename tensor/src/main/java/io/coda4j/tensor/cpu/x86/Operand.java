package io.coda4j.tensor.cpu.x86;

import org.jspecify.annotations.Nullable;

/** What an instruction works on. Operands print as Intel's syntax writes them. */
sealed interface Operand {
    /** A register, with the number by which instructions name it. */
    sealed interface Register extends Operand {
        int number();
    }

    /** A general-purpose register of 64 bits. */
    record Gpr(int number) implements Register {
        private static final String[] NAMES = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"};

        public Gpr {
            checkNumber("general-purpose register", number, 16);
        }

        @Override
        public String toString() {
            return number < NAMES.length ? NAMES[number] : "r" + number;
        }
    }

    /** What an instruction on vectors may read last: a register, or as many bytes of memory. */
    sealed interface Source extends Operand permits Vector, Memory {}

    /** A vector register of 256 or 512 bits. */
    record Vector(int number, int bits) implements Register, Source {
        public Vector {
            checkNumber("vector register", number, 32);
            if (bits != 256 && bits != 512) {
                throw new IllegalArgumentException("vector register of 256 or 512 bits expected, got " + bits);
            }
        }

        @Override
        public String toString() {
            return (bits == 512 ? "zmm" : "ymm") + number;
        }
    }

    /** A mask register: a bit for each lane of a vector. k0 stands for no mask where an instruction takes one. */
    record Mask(int number) implements Register {
        public Mask {
            if (number < 1 || number > 7) {
                throw new IllegalArgumentException("mask register 1 to 7 expected, got " + number);
            }
        }

        @Override
        public String toString() {
            return "k" + number;
        }
    }

    /** A tile of AMX: up to 16 rows of 64 bytes. */
    record Tile(int number) implements Register {
        public Tile {
            checkNumber("tile register", number, 8);
        }

        @Override
        public String toString() {
            return "tmm" + number;
        }
    }

    /** Memory at {@code base + index * scale + displacement}. */
    record Memory(Gpr base, @Nullable Gpr index, int scale, int displacement) implements Source {
        public Memory {
            if (scale != 1 && scale != 2 && scale != 4 && scale != 8) {
                throw new IllegalArgumentException("scale of 1, 2, 4 or 8 expected, got " + scale);
            }
            if (index != null && index.equals(Registers.rsp)) {
                throw new IllegalArgumentException("rsp cannot be an index");
            }
        }

        /** This address and {@code bytes} more. */
        Memory plus(int bytes) {
            return new Memory(base, index, scale, Math.addExact(displacement, bytes));
        }

        @Override
        public String toString() {
            return "[" + base + (index == null ? "" : "+" + index + "*" + scale)
                    + (displacement == 0 ? "" : (displacement < 0 ? "" : "+") + displacement) + "]";
        }
    }

    private static void checkNumber(String what, int number, int end) {
        if (number < 0 || number >= end) {
            throw new IllegalArgumentException(what + " 0 to " + (end - 1) + " expected, got " + number);
        }
    }
}
