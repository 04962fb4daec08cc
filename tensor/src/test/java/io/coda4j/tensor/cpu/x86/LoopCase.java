package io.coda4j.tensor.cpu.x86;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.coda4j.tensor.cpu.x86.LoopProgram.Access;
import io.coda4j.tensor.cpu.x86.LoopProgram.Value;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.BiFunction;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;

/** A program composed at random, and the floats of each of its memories for some rows. */
final class LoopCase {
    /** Elements that belong to no memory, behind each. */
    private static final int GUARD = 16;

    private static final int NONE = 0x7f12_3456;
    private static final float[] SPECIAL = {
        0, -0f, 1, -1, Float.MIN_VALUE, -Float.MIN_NORMAL / 3, Float.MAX_VALUE, Float.POSITIVE_INFINITY, Float.NaN
    };

    final Random random;
    final LoopProgram.Builder b = new LoopProgram.Builder();
    final List<Access> memories = new ArrayList<>();
    final List<Value> values = new ArrayList<>();
    final List<Value> masks = new ArrayList<>();
    final int rows;
    final int vectors;

    /** Elements between rows. */
    final int gap;

    final LoopProgram program;

    private final LoopKernel kernel;

    LoopCase(LoopKernel kernel, long seed) {
        this.kernel = kernel;
        random = new Random(seed);
        rows = 1 + random.nextInt(3);
        vectors = random.nextInt(10);
        gap = random.nextInt(3);
        for (int i = 1 + random.nextInt(3); i > 0; i--) {
            values.add(b.load(memory(rows())));
        }
        for (int i = random.nextInt(3); i > 0; i--) {
            values.add(b.broadcast(memory(random.nextBoolean() ? Access.COLUMN : Access.ONE)));
        }
        for (int i = random.nextInt(20); i > 0; i--) {
            values.add(step());
        }
        for (int i = random.nextInt(2); i > 0; i--) {
            reduce();
        }
        for (int i = 1 + random.nextInt(2); i > 0; i--) {
            b.store(memory(rows()), any());
        }
        program = b.program(1 << random.nextInt(3));
    }

    private int memory(Access access) {
        memories.add(access);
        return b.memory(access);
    }

    private Access rows() {
        boolean isNarrow = random.nextInt(3) == 0;
        return random.nextInt(3) == 0 ? Access.row(isNarrow) : Access.rows(isNarrow);
    }

    private Value any() {
        int recent = Math.min(values.size(), random.nextBoolean() ? 3 : values.size());
        return values.get(values.size() - 1 - random.nextInt(recent));
    }

    private Value step() {
        var x = any();
        var y = any();
        return switch (random.nextInt(23)) {
            case 0 -> b.constant(SPECIAL[random.nextInt(SPECIAL.length)]);
            case 1 -> b.bits(random.nextInt());
            case 2 -> b.add(x, y);
            case 3 -> b.subtract(x, y);
            case 4 -> b.multiply(x, y);
            case 5 -> b.divide(x, y);
            case 6 -> b.squareRoot(x);
            case 7, 8, 9 -> b.multiplyAdd(x, y, any());
            case 10 -> b.negate(x);
            case 11 -> b.and(random.nextBoolean() ? mask(x, y) : bits(x), bits(y));
            case 12 -> b.or(bits(x), bits(y));
            case 13 -> b.xor(bits(x), bits(y));
            case 14 -> b.unless(random.nextInt(4) == 0 ? bits(x) : mask(x, y), bits(any()));
            case 15 -> b.addInts(bits(x), bits(y));
            case 16 -> b.subtractInts(bits(x), bits(y));
            case 17 -> b.shiftLeft(bits(x), 1 + random.nextInt(31));
            case 18 -> b.shiftRight(bits(x), 1 + random.nextInt(31));
            case 19 -> b.toFloats(bits(x));
            case 20 -> b.toBf16(x);
            default -> b.select(mask(x, y), any(), any());
        };
    }

    /** Which of two operands' bits NaN takes is open, so nothing else is made of them. */
    private Value bits(Value x) {
        return b.select(b.notEqual(x, x), b.bits(0x1234_5678), x);
    }

    /** A new mask, an earlier one, or one of both. */
    private Value mask(Value x, Value y) {
        if (!masks.isEmpty() && random.nextInt(3) == 0) {
            return masks.get(random.nextInt(masks.size()));
        }
        masks.add(comparison(x, y));
        if (random.nextInt(6) == 0) {
            masks.add(b.xor(masks.getFirst(), masks.getLast()));
        }
        return masks.getLast();
    }

    private Value comparison(Value x, Value y) {
        return switch (random.nextInt(5)) {
            case 0 -> b.less(x, y);
            case 1 -> b.atLeast(x, y);
            case 2 -> b.equal(x, y);
            case 3 -> b.greater(x, y);
            default -> b.notEqual(x, y);
        };
    }

    private void reduce() {
        int to = memory(Access.COLUMN);
        switch (random.nextInt(3)) {
            case 0 -> b.sum(to, any());
            case 1 -> b.sumOfProducts(to, any(), any());
            default -> b.greatest(to, any());
        }
    }

    private int elements(int memory) {
        return switch (memories.get(memory)) {
            case ROWS, BF16_ROWS -> rows * (vectors * kernel.lanes() + gap);
            case ROW, BF16_ROW -> vectors * kernel.lanes();
            case COLUMN -> rows;
            case ONE -> 1;
        };
    }

    /** The bits of all memories and what is beside them, behind {@code run} of the same data. */
    int[] behind(LongConsumer run) {
        var numbers = new Random(rows * 31L + vectors);
        int count = memories.size();
        try (var arena = Arena.ofConfined()) {
            var addresses = arena.allocate(count * 8L, 8);
            var data = new ArrayList<MemorySegment>();
            for (int m = 0; m < count; m++) {
                boolean isNarrow = memories.get(m).isNarrow();
                var memory = arena.allocate((elements(m) + GUARD) * (isNarrow ? 2L : 4L), 4);
                for (int i = 0; i < elements(m) + GUARD; i++) {
                    float value = numbers.nextInt(6) == 0
                            ? SPECIAL[numbers.nextInt(SPECIAL.length)]
                            : (float) numbers.nextGaussian() * 8;
                    int bits = i < elements(m) ? Float.floatToRawIntBits(value) : NONE;
                    if (isNarrow) {
                        memory.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) (bits >> 16));
                    } else {
                        memory.setAtIndex(ValueLayout.JAVA_INT, i, bits);
                    }
                }
                addresses.setAtIndex(ValueLayout.JAVA_LONG, m, memory.address());
                data.add(memory);
            }
            run.accept(addresses.address());
            return IntStream.range(0, count)
                    .flatMap(m -> floats(data.get(m), memories.get(m).isNarrow()))
                    .map(LoopCase::withoutPayload)
                    .toArray();
        }
    }

    /** The bits of floats, or of floats as bfloat16. */
    private static IntStream floats(MemorySegment memory, boolean isNarrow) {
        if (!isNarrow) {
            return Arrays.stream(memory.toArray(ValueLayout.JAVA_INT));
        }
        short[] upper = memory.toArray(ValueLayout.JAVA_SHORT);
        return IntStream.range(0, upper.length).map(i -> upper[i] << 16);
    }

    /** NaN of one kind. */
    private static int withoutPayload(int bits) {
        float value = Float.intBitsToFloat(bits);
        return bits != NONE && Float.isNaN(value) ? Float.floatToIntBits(Float.NaN) : bits;
    }

    /** Checks that the loop, if registers suffice for it, gives the bits of its meaning. */
    void check(BiFunction<LoopProgram, byte[], LoopCode> run) {
        var code = kernel.code(program);
        if (code.isEmpty()) {
            return;
        }
        var loop = new VectorLoop(kernel, program, run.apply(program, code.get()));
        var expected = behind(at -> LoopMeaning.run(program, kernel.lanes(), at, rows, vectors, gap));
        var got = behind(at -> loop.run(at, rows, vectors, gap));
        assertArrayEquals(expected, got, () -> kernel + ", " + program + ", rows " + rows + ", vectors " + vectors);
    }
}
