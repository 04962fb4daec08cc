package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.cpu.x86.LoopProgram;
import io.coda4j.tensor.cpu.x86.LoopProgram.Access;
import io.coda4j.tensor.cpu.x86.LoopProgram.Value;
import io.coda4j.tensor.cpu.x86.VectorLoop;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import io.coda4j.tensor.exec.Chain;
import io.coda4j.tensor.exec.Kernel;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A chain of F32 primitives as one loop in machine code: what is between the links never leaves the registers. Gives the bits of
 * {@link ChainKernel}.
 *
 * <p>Memories are numbered: operands, constants, results. All operands are read before a result is stored, which may lie where an
 * operand does.
 */
final class ChainLoop {
    /** Bytes between memories of the last elements, which are less than a vector. */
    private static final int REST = Lanes.BYTES;

    private final long size;
    private final VectorLoop loop;

    /** For each operand, whether its one element stands for all. */
    private final boolean[] isRepeated;

    /**
     * The values of {@link Primitive.Full}, which are operands here: other values would make another program, and machine code is
     * kept for each.
     */
    private final MemorySegment constants;

    private ChainLoop(Chain chain, long size, VectorLoop loop) {
        this.size = size;
        this.loop = loop;
        this.isRepeated = new boolean[chain.operands().size()];
        for (int i = 0; i < isRepeated.length; i++) {
            isRepeated[i] = chain.operands().get(i).repeated();
        }
        var values = constants(chain);
        this.constants = Arena.ofAuto().allocate(values.length * 4L, 4);
        for (int i = 0; i < values.length; i++) {
            constants.setAtIndex(JAVA_FLOAT, i, (float) values[i]);
        }
    }

    private static double[] constants(Chain chain) {
        return chain.links().stream()
                .flatMap(link -> link.prim() instanceof Primitive.Full full
                        ? Optional.of(full).stream()
                        : Optional.<Primitive.Full>empty().stream())
                .mapToDouble(Primitive.Full::value)
                .toArray();
    }

    /** A kernel over {@code size} elements, or empty where a link or a type has no loop, or registers are too few. */
    static Optional<Kernel> of(VectorLoops loops, Parallel parallel, Chain chain, long size) {
        return program(chain)
                .flatMap(loops::of)
                .map(loop -> Launch.of(parallel, LaneLoop.pieces(size), new ChainLoop(chain, size, loop)::task));
    }

    private static Optional<LoopProgram> program(Chain chain) {
        int operands = chain.operands().size();
        boolean allF32 =
                IntStream.range(0, operands + chain.links().size()).allMatch(value -> chain.dtype(value) == DType.F32);
        int memories = operands + constants(chain).length + chain.results().size();
        if (!allF32 || memories > LoopCall.MEMORIES) {
            return Optional.empty();
        }
        var b = new LoopProgram.Builder();
        var values = new ArrayList<Value>();
        for (var operand : chain.operands()) {
            int memory = b.memory(operand.repeated() ? Access.ONE : Access.ROWS);
            values.add(operand.repeated() ? b.broadcast(memory) : b.load(memory));
        }
        for (var link : chain.links()) {
            var value = value(b, link, values);
            if (value.isEmpty()) {
                return Optional.empty();
            }
            values.add(value.get());
        }
        for (int result : chain.results()) {
            b.store(b.memory(Access.ROWS), values.get(result));
        }
        return Optional.of(b.program());
    }

    private static Optional<Value> value(LoopProgram.Builder b, Chain.Link link, List<Value> values) {
        var in = link.in().stream().map(values::get).toList();
        if (link.prim() instanceof Primitive.Pointwise prim) {
            return switch (prim) {
                case Primitive.Unary(var op) -> LoopMath.unary(b, op, in.getFirst());
                case Primitive.Binary(var op) -> LoopMath.binary(b, op, in.get(0), in.get(1));
                case Primitive.Compare _, Primitive.Select _, Primitive.Convert _ -> Optional.empty();
            };
        }
        return link.prim() instanceof Primitive.Full
                ? Optional.of(b.broadcast(b.memory(Access.ONE)))
                : Optional.empty();
    }

    private void task(MemorySegment[] in, MemorySegment[] out, int task) {
        int n = LaneLoop.count(size, task);
        int whole = Lanes.F32.loopBound(n);
        long at = (long) task * LaneLoop.PIECE * 4;
        var scratch = Scratch.ofThread();
        int first = singles(in, scratch.call);
        if (whole > 0) {
            for (int i = 0; i < isRepeated.length; i++) {
                if (!isRepeated[i]) {
                    scratch.call.memory(i, LaneLoop.address(in[i], size * 4) + at);
                }
            }
            for (int k = 0; k < out.length; k++) {
                scratch.call.memory(first + k, LaneLoop.address(out[k], size * 4) + at);
            }
            scratch.call.run(loop, whole);
        }
        if (whole < n) {
            remainder(in, out, at + whole * 4L, (n - whole) * 4L, first, scratch);
        }
    }

    /** Says where repeated operands and constants are; the number of the first result. */
    private int singles(MemorySegment[] in, LoopCall call) {
        for (int i = 0; i < isRepeated.length; i++) {
            if (isRepeated[i]) {
                call.memory(i, LaneLoop.address(in[i], 4));
            }
        }
        int count = (int) (constants.byteSize() / 4);
        for (int i = 0; i < count; i++) {
            call.memory(isRepeated.length + i, constants.address() + i * 4L);
        }
        return isRepeated.length + count;
    }

    /** Less than a vector: through scratch memory, whose other lanes compute on whatever they hold. */
    private void remainder(MemorySegment[] in, MemorySegment[] out, long at, long bytes, int first, Scratch scratch) {
        var memory = scratch.slot(0);
        for (int i = 0; i < isRepeated.length; i++) {
            if (!isRepeated[i]) {
                MemorySegment.copy(in[i], at, memory, i * REST, bytes);
                scratch.call.memory(i, memory.address() + i * REST);
            }
        }
        for (int k = 0; k < out.length; k++) {
            scratch.call.memory(first + k, memory.address() + (first + k) * REST);
        }
        scratch.call.run(loop, Lanes.COUNT);
        for (int k = 0; k < out.length; k++) {
            MemorySegment.copy(memory, (first + k) * REST, out[k], at, bytes);
        }
    }
}
