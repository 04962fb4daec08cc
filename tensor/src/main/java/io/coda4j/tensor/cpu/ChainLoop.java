package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Elements;
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
 * A chain of F32 and BF16 primitives as one loop in machine code: what is between the links never leaves the registers. Gives the bits
 * of {@link ChainKernel}.
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

    /** Bytes of an element of each operand, and of each result. */
    private final int[] widths;

    private final int[] resultWidths;

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
        this.widths = IntStream.range(0, isRepeated.length)
                .map(i -> chain.dtype(i).bytes())
                .toArray();
        this.resultWidths =
                chain.results().stream().mapToInt(v -> chain.dtype(v).bytes()).toArray();
        var values = constants(chain);
        this.constants = Arena.ofAuto().allocate(values.size() * 4L, 4);
        for (int i = 0; i < values.size(); i++) {
            constants.setAtIndex(JAVA_FLOAT, i, number(values.get(i)));
        }
    }

    private static List<Primitive.Full> constants(Chain chain) {
        return chain.links().stream()
                .flatMap(link -> link.prim() instanceof Primitive.Full full
                        ? Optional.of(full).stream()
                        : Optional.<Primitive.Full>empty().stream())
                .toList();
    }

    /** The value as its type holds it. */
    private static float number(Primitive.Full full) {
        var dtype = full.type().dtype();
        var element = MemorySegment.ofArray(new byte[dtype.bytes()]);
        Elements.set(element, dtype, 0, full.value());
        return (float) Elements.get(element, dtype, 0);
    }

    /** A kernel over {@code size} elements, or empty where a link or a type has no loop, or registers are too few. */
    static Optional<Kernel> of(VectorLoops loops, Parallel parallel, Chain chain, long size) {
        return program(chain)
                .flatMap(loops::of)
                .map(loop -> Launch.of(parallel, LaneLoop.pieces(size), new ChainLoop(chain, size, loop)::task));
    }

    private static Optional<LoopProgram> program(Chain chain) {
        int operands = chain.operands().size();
        boolean allFloats = IntStream.range(0, operands + chain.links().size())
                .allMatch(value -> Lanes.loadsAsF32(chain.dtype(value)));
        int memories = operands + constants(chain).size() + chain.results().size();
        if (!allFloats || memories > LoopCall.MEMORIES) {
            return Optional.empty();
        }
        var b = new LoopProgram.Builder();
        var values = new ArrayList<Value>();
        for (var operand : chain.operands()) {
            int memory = b.memory(operand.repeated() ? Access.ONE : rows(operand.dtype()));
            values.add(operand.repeated() ? b.broadcast(memory) : b.load(memory));
        }
        for (var link : chain.links()) {
            var value = value(b, link, values);
            if (value.isEmpty()) {
                return Optional.empty();
            }
            values.add(rounded(b, chain, link, value.get(), values.size()));
        }
        for (int result : chain.results()) {
            // Rounded already.
            b.storeUpper(b.memory(rows(chain.dtype(result))), values.get(result));
        }
        return Optional.of(b.program());
    }

    private static Access rows(DType dtype) {
        return Access.rows(dtype == DType.BF16);
    }

    /** What link number {@code number} of all values computes, as its type holds it. */
    private static Value rounded(LoopProgram.Builder b, Chain chain, Chain.Link link, Value value, int number) {
        if (link.dtype() != DType.BF16 || link.prim() instanceof Primitive.Full) {
            return value;
        }
        boolean isRead = chain.links().stream().anyMatch(other -> other.in().contains(number));
        return isRead ? b.toBf16(value) : b.nearest(value);
    }

    private static Optional<Value> value(LoopProgram.Builder b, Chain.Link link, List<Value> values) {
        var in = link.in().stream().map(values::get).toList();
        if (link.prim() instanceof Primitive.Pointwise prim) {
            return switch (prim) {
                case Primitive.Unary(var op) -> LoopMath.unary(b, op, in.getFirst());
                case Primitive.Binary(var op) -> LoopMath.binary(b, op, in.get(0), in.get(1));
                // BF16 is F32 in registers.
                case Primitive.Convert _ -> Optional.of(in.getFirst());
                case Primitive.Compare _, Primitive.Select _ -> Optional.empty();
            };
        }
        return link.prim() instanceof Primitive.Full
                ? Optional.of(b.broadcast(b.memory(Access.ONE)))
                : Optional.empty();
    }

    private void task(MemorySegment[] in, MemorySegment[] out, int task) {
        int n = LaneLoop.count(size, task);
        int whole = Lanes.F32.loopBound(n);
        long from = (long) task * LaneLoop.PIECE;
        var scratch = Scratch.ofThread();
        int first = singles(in, scratch.call);
        if (whole > 0) {
            for (int i = 0; i < isRepeated.length; i++) {
                if (!isRepeated[i]) {
                    scratch.call.memory(i, LaneLoop.address(in[i], size * widths[i]) + from * widths[i]);
                }
            }
            for (int k = 0; k < out.length; k++) {
                int width = resultWidths[k];
                scratch.call.memory(first + k, LaneLoop.address(out[k], size * width) + from * width);
            }
            scratch.call.run(loop, whole);
        }
        if (whole < n) {
            remainder(in, out, from + whole, n - whole, first, scratch);
        }
    }

    /** Says where repeated operands and constants are; the number of the first result. */
    private int singles(MemorySegment[] in, LoopCall call) {
        for (int i = 0; i < isRepeated.length; i++) {
            if (isRepeated[i]) {
                single(in[i], widths[i], i, call);
            }
        }
        int count = (int) (constants.byteSize() / 4);
        for (int i = 0; i < count; i++) {
            call.memory(isRepeated.length + i, constants.address() + i * 4L);
        }
        return isRepeated.length + count;
    }

    private static void single(MemorySegment operand, int width, int number, LoopCall call) {
        if (width == Float.BYTES) {
            call.memory(number, LaneLoop.address(operand, width));
        } else {
            call.single(number, Bf16.toFloat(operand.get(JAVA_SHORT_UNALIGNED, 0)));
        }
    }

    /** Less than a vector: through scratch memory, whose other lanes compute on whatever they hold. */
    private void remainder(MemorySegment[] in, MemorySegment[] out, long from, long n, int first, Scratch scratch) {
        var memory = scratch.slot(0);
        for (int i = 0; i < isRepeated.length; i++) {
            if (!isRepeated[i]) {
                MemorySegment.copy(in[i], from * widths[i], memory, i * REST, n * widths[i]);
                scratch.call.memory(i, memory.address() + i * REST);
            }
        }
        for (int k = 0; k < out.length; k++) {
            scratch.call.memory(first + k, memory.address() + (first + k) * REST);
        }
        scratch.call.run(loop, Lanes.COUNT);
        for (int k = 0; k < out.length; k++) {
            int width = resultWidths[k];
            MemorySegment.copy(memory, (first + k) * REST, out[k], from * width, n * width);
        }
    }
}
