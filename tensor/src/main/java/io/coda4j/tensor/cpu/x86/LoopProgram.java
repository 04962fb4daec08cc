package io.coda4j.tensor.cpu.x86;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * What a {@link VectorLoop} computes: a straight line of steps that is applied to each vector of rows of floats. Programs are equal
 * if they compute the same in the same way. {@link LoopMeaning} says what each step is.
 *
 * @param memories how each of the memories that a run is given is walked through
 * @param steps in the order of their computation; each is a value, by its number
 * @param copies vectors of one turn of the loop: sums have as many partial sums of each lane
 * @param arrays how many of the first memories are parts of arrays, which have no address: up to 2
 */
public record LoopProgram(List<Access> memories, List<Step> steps, int copies, int arrays) {
    /** A program with immutable copies of the lists. */
    public LoopProgram {
        memories = List.copyOf(memories);
        steps = List.copyOf(steps);
        if (copies != 1 && copies != 2 && copies != 4) {
            throw new IllegalArgumentException("1, 2 or 4 copies expected, got " + copies);
        }
        if (arrays < 0 || arrays > Math.min(2, memories.size())) {
            throw new IllegalArgumentException("0 to 2 of " + memories + " in arrays expected, got " + arrays);
        }
    }

    /** How a memory is walked through, and what it holds. */
    public enum Access {
        /** One row of floats after the other, all at one distance, which is that of all rows, counted in elements. */
        ROWS,
        /** One row of floats, from its beginning for each row. */
        ROW,
        /** As {@link #ROWS}, of bfloat16. */
        BF16_ROWS,
        /** As {@link #ROW}, of bfloat16. */
        BF16_ROW,
        /** One float for each row. */
        COLUMN,
        /** One float. */
        ONE;

        /** Rows, of bfloat16 if {@code narrow}. */
        public static Access rows(boolean narrow) {
            return narrow ? BF16_ROWS : ROWS;
        }

        /** One row, of bfloat16 if {@code narrow}. */
        public static Access row(boolean narrow) {
            return narrow ? BF16_ROW : ROW;
        }

        boolean isNarrow() {
            return this == BF16_ROWS || this == BF16_ROW;
        }

        /** Whether it holds elements in vectors. */
        boolean isOfVectors() {
            return this != COLUMN && this != ONE;
        }

        int elementBytes() {
            return isNarrow() ? Short.BYTES : Float.BYTES;
        }
    }

    /** What a step does with its values, which are vectors of 32 bits in each lane. */
    enum Op {
        /** A vector of memory {@code number}; of bfloat16 the upper halves of lanes, whose lower halves are zeros. */
        LOAD,
        /** The float of memory {@code number} in all lanes. */
        BROADCAST,
        /** The bits {@code number} in all lanes. */
        CONSTANT,
        ADD,
        SUBTRACT,
        MULTIPLY,
        DIVIDE,
        SQUARE_ROOT,
        /** a b + c, rounded once. */
        MULTIPLY_ADD,
        AND,
        /** The bits of b that a does not have. */
        AND_NOT,
        OR,
        XOR,
        ADD_INTS,
        SUBTRACT_INTS,
        /** By {@code number} bits. */
        SHIFT_LEFT,
        /** By {@code number} bits, with copies of the sign. */
        SHIFT_RIGHT,
        INTS_TO_FLOATS,
        /** All ones where a &gt; b, else zeros; likewise the next four. Nothing holds of NaN but that it is not equal. */
        GREATER,
        AT_LEAST,
        LESS,
        EQUAL,
        NOT_EQUAL,
        /** b where the mask c is set, else a. */
        SELECT,
        /** a, or the upper halves of its lanes as bfloat16, to memory {@code number}. */
        STORE,
        /** The sum of a over each row to memory {@code number}. */
        SUM,
        /** The sum of a b, likewise, each product rounded with its sum. */
        SUM_OF_PRODUCTS,
        /** The greatest a of each row to memory {@code number}; NaN is passed over. */
        GREATEST;

        /** Whether a row has one result. */
        boolean isReduction() {
            return this == SUM || this == SUM_OF_PRODUCTS || this == GREATEST;
        }

        /** Whether the first two operands may be exchanged. */
        boolean isCommutative() {
            return switch (this) {
                case ADD, MULTIPLY, MULTIPLY_ADD, AND, OR, XOR, ADD_INTS, EQUAL, NOT_EQUAL, SUM_OF_PRODUCTS -> true;
                case LOAD,
                        BROADCAST,
                        CONSTANT,
                        SUBTRACT,
                        DIVIDE,
                        SQUARE_ROOT,
                        AND_NOT,
                        SUBTRACT_INTS,
                        SHIFT_LEFT,
                        SHIFT_RIGHT,
                        INTS_TO_FLOATS,
                        GREATER,
                        AT_LEAST,
                        LESS,
                        SELECT,
                        STORE,
                        SUM,
                        GREATEST -> false;
            };
        }
    }

    /**
     * A step.
     *
     * @param in numbers of the values that it takes
     * @param number of a memory, of bits, or 0
     */
    record Step(Op op, List<Integer> in, int number) {}

    /** The value of a step. */
    public record Value(int step) {}

    /** Writes a program step by step. */
    public static final class Builder {
        private final List<Access> memories = new ArrayList<>();
        private final List<Step> steps = new ArrayList<>();

        /** A further memory; its number. */
        public int memory(Access access) {
            memories.add(access);
            return memories.size() - 1;
        }

        private Value add(Op op, int number, Value... in) {
            steps.add(new Step(op, Stream.of(in).map(Value::step).toList(), number));
            return new Value(steps.size() - 1);
        }

        private int require(int memory, boolean holds, String expected) {
            if (!holds) {
                throw new IllegalArgumentException(
                        expected + " expected, got memory " + memory + ", " + memories.get(memory));
            }
            return memory;
        }

        private boolean isRow(int memory) {
            return memories.get(memory).isOfVectors();
        }

        /** The vector of a memory of rows, as floats; to be asked for before anything is stored to the same place. */
        public Value load(int memory) {
            return add(Op.LOAD, require(memory, isRow(memory), "rows"));
        }

        /** The float of this row, or the only one, in all lanes. */
        public Value broadcast(int memory) {
            return add(Op.BROADCAST, require(memory, !isRow(memory), "single floats"));
        }

        /** {@code value} in all lanes. */
        public Value constant(float value) {
            return bits(Float.floatToRawIntBits(value));
        }

        /** {@code bits} in all lanes. */
        public Value bits(int bits) {
            return add(Op.CONSTANT, bits);
        }

        /** a + b. */
        public Value add(Value a, Value b) {
            return add(Op.ADD, 0, a, b);
        }

        /** a - b. */
        public Value subtract(Value a, Value b) {
            return add(Op.SUBTRACT, 0, a, b);
        }

        /** a b. */
        public Value multiply(Value a, Value b) {
            return add(Op.MULTIPLY, 0, a, b);
        }

        /** a / b. */
        public Value divide(Value a, Value b) {
            return add(Op.DIVIDE, 0, a, b);
        }

        /** The square root. */
        public Value squareRoot(Value a) {
            return add(Op.SQUARE_ROOT, 0, a);
        }

        /** a b + c, rounded once. */
        public Value multiplyAdd(Value a, Value b, Value c) {
            return add(Op.MULTIPLY_ADD, 0, a, b, c);
        }

        /** The number with the other sign. */
        public Value negate(Value a) {
            return xor(a, bits(Integer.MIN_VALUE));
        }

        /** The bits that both have. */
        public Value and(Value a, Value b) {
            return add(Op.AND, 0, a, b);
        }

        /** The bits that one of them has. */
        public Value or(Value a, Value b) {
            return add(Op.OR, 0, a, b);
        }

        /** The bits in which they differ. */
        public Value xor(Value a, Value b) {
            return add(Op.XOR, 0, a, b);
        }

        /** The bits of {@code a} where {@code mask} is not set, else zeros. */
        public Value unless(Value mask, Value a) {
            return add(Op.AND_NOT, 0, mask, a);
        }

        /** a + b of integers. */
        public Value addInts(Value a, Value b) {
            return add(Op.ADD_INTS, 0, a, b);
        }

        /** a - b of integers. */
        public Value subtractInts(Value a, Value b) {
            return add(Op.SUBTRACT_INTS, 0, a, b);
        }

        /** The bits, moved up. */
        public Value shiftLeft(Value a, int bits) {
            return add(Op.SHIFT_LEFT, bits, a);
        }

        /** The bits, moved down, with copies of the sign. */
        public Value shiftRight(Value a, int bits) {
            return add(Op.SHIFT_RIGHT, bits, a);
        }

        /** The nearest floats of integers. */
        public Value toFloats(Value a) {
            return add(Op.INTS_TO_FLOATS, 0, a);
        }

        /** A mask of a &gt; b. */
        public Value greater(Value a, Value b) {
            return add(Op.GREATER, 0, a, b);
        }

        /** A mask of a &ge; b. */
        public Value atLeast(Value a, Value b) {
            return add(Op.AT_LEAST, 0, a, b);
        }

        /** A mask of a &lt; b. */
        public Value less(Value a, Value b) {
            return add(Op.LESS, 0, a, b);
        }

        /** A mask of a = b. */
        public Value equal(Value a, Value b) {
            return add(Op.EQUAL, 0, a, b);
        }

        /** A mask of the lanes that differ or are NaN. */
        public Value notEqual(Value a, Value b) {
            return add(Op.NOT_EQUAL, 0, a, b);
        }

        /** {@code then} where {@code mask} is set, else {@code otherwise}. */
        public Value select(Value mask, Value then, Value otherwise) {
            return add(Op.SELECT, 0, otherwise, then, mask);
        }

        /** Stores a vector to a memory of rows; bfloat16 is rounded to nearest, ties to even. */
        public void store(int memory, Value a) {
            storeUpper(memory, memories.get(memory).isNarrow() ? nearest(a) : a);
        }

        /** Stores a vector to a memory of rows, of bfloat16 the upper halves of lanes as they are. */
        public void storeUpper(int memory, Value a) {
            add(Op.STORE, require(memory, isRow(memory), "rows"), a);
        }

        /** The number rounded to bfloat16, nearest, ties to even; NaN stays NaN. */
        public Value toBf16(Value a) {
            return and(nearest(a), bits(0xffff_0000));
        }

        /** {@link #toBf16} in the upper half of each lane, with anything in the lower half. */
        public Value nearest(Value a) {
            var odd = and(shiftRight(a, 16), bits(1));
            var rounded = addInts(addInts(a, bits(0x7fff)), odd);
            return select(notEqual(a, a), or(a, bits(0x40_0000)), rounded);
        }

        /** Stores the sum of each row. */
        public void sum(int memory, Value a) {
            add(Op.SUM, column(memory), a);
        }

        /** Stores the sum of a b of each row. */
        public void sumOfProducts(int memory, Value a, Value b) {
            add(Op.SUM_OF_PRODUCTS, column(memory), a, b);
        }

        /** Stores the greatest element of each row that is not NaN, or -infinity. */
        public void greatest(int memory, Value a) {
            add(Op.GREATEST, column(memory), a);
        }

        private int column(int memory) {
            return require(memory, memories.get(memory) == Access.COLUMN, "a float for each row");
        }

        /** The program, with as many vectors in one turn as a loop without sums should have. */
        public LoopProgram program() {
            return program(steps.size() <= 6 ? 4 : steps.size() <= 12 ? 2 : 1);
        }

        /** The program with {@code copies} vectors in one turn. */
        public LoopProgram program(int copies) {
            return new LoopProgram(memories, steps, copies, 0);
        }

        /** The program with one vector in a turn, whose first {@code arrays} memories are parts of arrays. */
        public LoopProgram programInArrays(int arrays) {
            return new LoopProgram(memories, steps, 1, arrays);
        }
    }
}
