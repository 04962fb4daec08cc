package io.coda4j.tensor.cpu;

import io.coda4j.tensor.cpu.x86.LoopProgram.Access;
import io.coda4j.tensor.cpu.x86.LoopProgram.Builder;
import io.coda4j.tensor.cpu.x86.LoopProgram.Value;
import io.coda4j.tensor.cpu.x86.VectorLoop;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A {@link LaneLoop} in machine code.
 *
 * @param operands number of operands, the first memories of the program
 * @param results number of results, the memories behind them
 */
record LoopLanes(VectorLoop loop, int operands, int results) implements LaneLoop {
    /** The results of one vector of each operand. */
    @FunctionalInterface
    interface Body {
        List<Value> of(Builder b, List<Value> operands);
    }

    /**
     * The loop over {@code body} on F32, or on BF16 if {@code narrow}.
     *
     * @param body known to fit the registers
     */
    static LaneLoop of(VectorLoops loops, boolean narrow, int operands, Body body) {
        var b = new Builder();
        var values = IntStream.range(0, operands)
                .mapToObj(_ -> b.load(b.memory(Access.rows(narrow))))
                .toList();
        var results = body.of(b, values);
        results.forEach(result -> b.store(b.memory(Access.rows(narrow)), result));
        return new LoopLanes(loops.required(b.program()), operands, results.size());
    }

    @Override
    public void run(long[] in, long[] out, int n) {
        Scratch.ofThread()
                .call
                .memories(0, in, operands)
                .memories(operands, out, results)
                .run(loop, n);
    }
}
