package io.coda4j.tensor.cpu.x86;

import io.coda4j.tensor.cpu.x86.LoopProgram.Access;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import java.util.function.LongConsumer;
import java.util.stream.Stream;

/** A program with every kind of step and memory, in machine code and by its meaning, before loops are used. */
final class LoopSelfCheck {
    private static final int ROWS = 2;
    private static final int VECTORS = 5;
    private static final int GAP = 3;

    private final VectorLoops loops;
    private final int lanes;

    /** Floats of a memory, whatever its access. */
    private final int size;

    private LoopSelfCheck(VectorLoops loops) {
        this.loops = loops;
        this.lanes = loops.kernel().lanes();
        this.size = ROWS * (VECTORS * lanes + GAP);
    }

    /** What {@code loops} get wrong, or empty. */
    static Optional<String> failure(VectorLoops loops) {
        var check = new LoopSelfCheck(loops);
        return Stream.of(steps(), reductions(1), reductions(4))
                .flatMap(program -> check.failure(program).stream())
                .findFirst();
    }

    private Optional<String> failure(LoopProgram program) {
        var loop = loops.of(program);
        if (loop.isEmpty()) {
            return Optional.of("its self-check could not be made executable");
        }
        var got = results(program, memories -> loop.get().run(memories, ROWS, VECTORS, GAP));
        var expected = results(program, memories -> LoopMeaning.run(program, lanes, memories, ROWS, VECTORS, GAP));
        for (int i = 0; i < expected.length; i++) {
            if (got[i] != expected[i]) {
                return Optional.of("its self-check expected 0x" + Integer.toHexString(expected[i]) + " in memory "
                        + i / size + " at index " + i % size + ", got 0x" + Integer.toHexString(got[i]));
            }
        }
        return Optional.empty();
    }

    private static LoopProgram steps() {
        var b = new LoopProgram.Builder();
        var x = b.load(b.memory(Access.ROWS));
        var y = b.load(b.memory(Access.ROW));
        var column = b.broadcast(b.memory(Access.COLUMN));
        var one = b.broadcast(b.memory(Access.ONE));
        var some = b.multiplyAdd(x, b.constant(3), b.constant(-0.5f));
        var all = b.divide(b.add(x, y), b.subtract(one, some));
        all = b.multiplyAdd(all, some, b.multiply(y, column));
        all = b.xor(all, b.squareRoot(b.multiply(x, x)));
        all = b.xor(all, b.unless(b.greater(x, y), x));
        all = b.xor(all, b.select(b.atLeast(x, y), x, b.constant(2)));
        all = b.xor(all, b.and(b.less(x, y), y));
        all = b.xor(all, b.and(b.equal(x, y), b.bits(0x1234)));
        all = b.xor(all, b.and(b.notEqual(x, y), b.bits(0x4321)));
        all = b.xor(all, b.toFloats(b.shiftRight(x, 20)));
        all = b.addInts(all, b.shiftLeft(y, 3));
        all = b.subtractInts(b.bits(0x7654_3210), all);
        b.store(b.memory(Access.ROWS), b.or(all, b.bits(1)));
        var narrow = b.load(b.memory(Access.BF16_ROW));
        b.store(b.memory(Access.BF16_ROWS), b.multiply(x, narrow));
        return b.program(2);
    }

    private static LoopProgram reductions(int copies) {
        var b = new LoopProgram.Builder();
        var x = b.load(b.memory(Access.ROWS));
        var y = b.load(b.memory(Access.ROWS));
        b.sum(b.memory(Access.COLUMN), x);
        b.sumOfProducts(b.memory(Access.COLUMN), x, y);
        b.greatest(b.memory(Access.COLUMN), y);
        return b.program(copies);
    }

    /** The bits of all memories behind a run. */
    private int[] results(LoopProgram program, LongConsumer run) {
        int count = program.memories().size();
        try (var arena = Arena.ofConfined()) {
            var memories = arena.allocate(count * 8L, 8);
            var data = arena.allocate((long) count * size * 4, 64);
            for (int i = 0; i < count * size; i++) {
                // Numbers of both signs, some of which are equal.
                data.setAtIndex(ValueLayout.JAVA_FLOAT, i, (i * 37 % 101 - 50) / 8f);
            }
            for (int m = 0; m < count; m++) {
                memories.setAtIndex(ValueLayout.JAVA_LONG, m, data.address() + (long) m * size * 4);
            }
            run.accept(memories.address());
            return data.toArray(ValueLayout.JAVA_INT);
        }
    }
}
