package io.coda4j.tensor.cpu.x86;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** What a {@link LoopProgram} computes, one lane after the other: what machine code for it is compared with. */
final class LoopMeaning {
    @SuppressWarnings("restricted")
    private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private final LoopProgram program;

    /** Elements of a vector. */
    private final int width;

    /** Partial sums of a row. */
    private final int lanes;

    /** Elements from a row to the next. */
    private final long distance;

    private final int[][] sums;

    private LoopMeaning(LoopProgram program, int width, long distance) {
        this.program = program;
        this.distance = distance;
        this.width = width;
        this.lanes = program.copies() * width;
        this.sums = new int[program.steps().size()][lanes];
    }

    /** Computes as {@link VectorLoop#run(long, long, long, long)} with vectors of {@code width} elements. */
    static void run(LoopProgram program, int width, long memories, long rows, long vectors, long gap) {
        long n = vectors * width;
        var meaning = new LoopMeaning(program, width, n + gap);
        for (long row = 0; row < rows; row++) {
            meaning.begin();
            for (long i = 0; i < n; i++) {
                meaning.element(memories, row, n, i);
            }
            meaning.end(memories, row);
        }
    }

    private void begin() {
        for (int s = 0; s < sums.length; s++) {
            Arrays.fill(sums[s], first(program.steps().get(s).op()));
        }
    }

    /** What a reduction begins with. */
    static int first(LoopProgram.Op op) {
        return op == LoopProgram.Op.GREATEST ? Float.floatToRawIntBits(Float.NEGATIVE_INFINITY) : 0;
    }

    private void element(long memories, long row, long n, long i) {
        // Vectors beyond the last whole turn belong to the first partial sum.
        long turns = n / lanes * lanes;
        int lane = (int) (i < turns ? i % lanes : i % width);
        var values = new int[program.steps().size()];
        for (int s = 0; s < values.length; s++) {
            var step = program.steps().get(s);
            int a = operand(step, 0, values);
            int b = operand(step, 1, values);
            int c = operand(step, 2, values);
            switch (step.op()) {
                case LOAD, BROADCAST -> values[s] = load(memories, step.number(), row, i);
                case STORE -> store(memories, step.number(), row, i, a);
                case SUM -> sums[s][lane] = of(LoopProgram.Op.ADD, sums[s][lane], a, 0, 0);
                case SUM_OF_PRODUCTS -> sums[s][lane] = of(LoopProgram.Op.MULTIPLY_ADD, a, b, sums[s][lane], 0);
                case GREATEST -> sums[s][lane] = greater(a, sums[s][lane]);
                case CONSTANT,
                        ADD,
                        SUBTRACT,
                        MULTIPLY,
                        DIVIDE,
                        SQUARE_ROOT,
                        MULTIPLY_ADD,
                        AND,
                        AND_NOT,
                        OR,
                        XOR,
                        ADD_INTS,
                        SUBTRACT_INTS,
                        SHIFT_LEFT,
                        SHIFT_RIGHT,
                        INTS_TO_FLOATS,
                        GREATER,
                        AT_LEAST,
                        LESS,
                        EQUAL,
                        NOT_EQUAL,
                        SELECT -> values[s] = of(step.op(), a, b, c, step.number());
            }
        }
    }

    private static int operand(LoopProgram.Step step, int number, int[] values) {
        return number < step.in().size() ? values[step.in().get(number)] : 0;
    }

    private int load(long memories, int memory, long row, long i) {
        long at = at(memories, memory, row, i);
        return program.memories().get(memory).isNarrow()
                ? ALL.get(JAVA_SHORT_UNALIGNED, at) << 16
                : ALL.get(JAVA_INT_UNALIGNED, at);
    }

    private void store(long memories, int memory, long row, long i, int value) {
        long at = at(memories, memory, row, i);
        if (program.memories().get(memory).isNarrow()) {
            ALL.set(JAVA_SHORT_UNALIGNED, at, (short) (value >> 16));
        } else {
            ALL.set(JAVA_INT_UNALIGNED, at, value);
        }
    }

    private long at(long memories, int memory, long row, long i) {
        var access = program.memories().get(memory);
        long index = switch (access) {
            case ROWS, BF16_ROWS -> row * distance + i;
            case ROW, BF16_ROW -> i;
            case COLUMN -> row;
            case ONE -> 0;
        };
        return ALL.get(JAVA_LONG, memories + memory * 8L) + index * access.elementBytes();
    }

    private void end(long memories, long row) {
        for (int s = 0; s < sums.length; s++) {
            var step = program.steps().get(s);
            if (step.op().isReduction()) {
                ALL.set(JAVA_INT_UNALIGNED, at(memories, step.number(), row, 0), whole(step.op(), sums[s]));
            }
        }
    }

    /** Neighbours are combined first: the halves of the partial sums, then the lanes of what is left. */
    private int whole(LoopProgram.Op op, int[] partial) {
        int[] left = partial;
        for (int copies = partial.length / width; copies > 1; copies /= 2) {
            var combined = new int[left.length / 2];
            for (int i = 0; i < combined.length; i++) {
                int first = i / width * 2 * width + i % width;
                combined[i] = combine(op, left[first], left[first + width]);
            }
            left = combined;
        }
        for (; left.length > 1; ) {
            var combined = new int[left.length / 2];
            for (int i = 0; i < combined.length; i++) {
                combined[i] = combine(op, left[2 * i], left[2 * i + 1]);
            }
            left = combined;
        }
        return left[0];
    }

    private static int combine(LoopProgram.Op op, int a, int b) {
        return op == LoopProgram.Op.GREATEST ? greater(a, b) : of(LoopProgram.Op.ADD, a, b, 0, 0);
    }

    private static int greater(int a, int b) {
        return Float.intBitsToFloat(a) > Float.intBitsToFloat(b) ? a : b;
    }

    /** One lane of a step that needs nothing but its operands. */
    private static int of(LoopProgram.Op op, int a, int b, int c, int number) {
        float x = Float.intBitsToFloat(a);
        float y = Float.intBitsToFloat(b);
        return switch (op) {
            case CONSTANT -> number;
            case ADD -> Float.floatToRawIntBits(x + y);
            case SUBTRACT -> Float.floatToRawIntBits(x - y);
            case MULTIPLY -> Float.floatToRawIntBits(x * y);
            case DIVIDE -> Float.floatToRawIntBits(x / y);
            case SQUARE_ROOT -> Float.floatToRawIntBits((float) Math.sqrt(x));
            case MULTIPLY_ADD -> Float.floatToRawIntBits(Math.fma(x, y, Float.intBitsToFloat(c)));
            case AND -> a & b;
            case AND_NOT -> ~a & b;
            case OR -> a | b;
            case XOR -> a ^ b;
            case ADD_INTS -> a + b;
            case SUBTRACT_INTS -> a - b;
            case SHIFT_LEFT -> a << number;
            case SHIFT_RIGHT -> a >> number;
            case INTS_TO_FLOATS -> Float.floatToRawIntBits(a);
            case GREATER -> mask(x > y);
            case AT_LEAST -> mask(x >= y);
            case LESS -> mask(x < y);
            case EQUAL -> mask(x == y);
            case NOT_EQUAL -> mask(x != y);
            case SELECT -> c < 0 ? b : a;
            case LOAD, BROADCAST, STORE, SUM, SUM_OF_PRODUCTS, GREATEST ->
                throw new IllegalArgumentException(op + " is not of its operands alone");
        };
    }

    private static int mask(boolean holds) {
        return holds ? -1 : 0;
    }
}
