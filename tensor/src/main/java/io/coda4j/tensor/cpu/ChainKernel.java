package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Elements;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Chain;
import io.coda4j.tensor.exec.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * A chain of elementwise primitives in one pass over memory: a block of some elements goes through all links before the
 * next block is read, and what is between them stays in the first-level cache.
 *
 * <p>Each link is the very loop that computes its primitive alone, so a chain gives the same bits. A result may lie where
 * an operand does: it is kept aside until all links of the block have read their operands.
 */
final class ChainKernel {
    /** Elements of a block: a slot of scratch memory, by way of which BF16 is computed. */
    private static final int BLOCK = Scratch.SLOT;

    /** Bytes between blocks; a line more than a power of two, which would put all of them in one set of the cache. */
    private static final long STRIDE = BLOCK * 4L + CpuMemory.ALIGNMENT;

    /** A link with what it reads and writes, as numbers of values. */
    private record Step(Elementwise.BlockLoop loop, int[] in, int out) {}

    private final Chain chain;
    private final long size;
    private final Step[] steps;

    /** For each operand, whether its one element stands for all. */
    private final boolean[] isRepeated;

    /** For each value, the bytes of an element. */
    private final int[] widths;

    /** The value of each result. */
    private final int[] results;

    /** The block of each value, and how many there are. */
    private final int[] blocks;

    private final int count;

    /** For each result, whether its link may write to its storage at once, because no later link reads an operand. */
    private final boolean[] isDirect;

    private final Pool<Space> spaces = new Pool<>(() -> new Space());

    private ChainKernel(Chain chain, long size) {
        this.chain = chain;
        this.size = size;
        this.steps = steps(chain);
        this.blocks = new int[chain.operands().size() + chain.links().size()];
        this.count = assignBlocks();
        this.widths = new int[blocks.length];
        Arrays.setAll(widths, v -> chain.dtype(v).bytes());
        this.results = chain.results().stream().mapToInt(v -> v).toArray();
        this.isRepeated = new boolean[chain.operands().size()];
        for (int i = 0; i < isRepeated.length; i++) {
            isRepeated[i] = chain.operands().get(i).repeated();
        }
        this.isDirect = new boolean[chain.results().size()];
        for (int k = 0; k < isDirect.length; k++) {
            int result = chain.results().get(k);
            isDirect[k] = Arrays.stream(steps)
                    .filter(step -> step.out > result)
                    .allMatch(step -> Arrays.stream(step.in)
                            .noneMatch(v -> v < chain.operands().size()));
        }
    }

    /** Operands, constants and results keep a block of their own; links share those of values that nobody reads again. */
    private int assignBlocks() {
        int next = 0;
        for (int v = 0; v < blocks.length; v++) {
            if (!isLink(v) || chain.results().contains(v)) {
                blocks[v] = next++;
            }
        }
        var free = new ArrayDeque<Integer>();
        for (int i = 0; i < steps.length; i++) {
            var step = steps[i];
            if (!chain.results().contains(step.out)) {
                blocks[step.out] = free.isEmpty() ? next++ : free.pop();
            }
            for (int v : Arrays.stream(step.in).distinct().toArray()) {
                if (isLink(v) && !chain.results().contains(v) && lastRead(v) == i) {
                    free.push(blocks[v]);
                }
            }
        }
        return next;
    }

    private boolean isLink(int value) {
        return Arrays.stream(steps).anyMatch(step -> step.out == value);
    }

    private int lastRead(int value) {
        int last = -1;
        for (int i = 0; i < steps.length; i++) {
            if (Arrays.stream(steps[i].in).anyMatch(v -> v == value)) {
                last = i;
            }
        }
        return last;
    }

    /** The memory of a task: the blocks, and where each value lies at the moment. */
    private final class Space {
        final NativeScratch.Block memory = NativeScratch.Block.of(count * STRIDE);
        final long[] at = new long[blocks.length];
        final long[] addresses = new long[4];

        Space() {
            for (int v = 0; v < at.length; v++) {
                at[v] = memory.segment().address() + blocks[v] * STRIDE;
            }
            for (int l = 0; l < chain.links().size(); l++) {
                if (chain.links().get(l).prim() instanceof Primitive.Full(var type, double value)) {
                    fill(chain.operands().size() + l, type.dtype(), value);
                }
            }
        }

        long block(int value) {
            return memory.segment().address() + blocks[value] * STRIDE;
        }

        private void fill(int value, DType dtype, double number) {
            var block = memory.segment().asSlice(blocks[value] * STRIDE, BLOCK * (long) dtype.bytes());
            for (int i = 0; i < BLOCK; i++) {
                Elements.set(block, dtype, i, number);
            }
        }
    }

    /** Whether {@code prim} may be a link: whether it has a loop for these element types, and blocks have room for them. */
    static boolean takes(Primitive.Pointwise prim, List<TensorType> in, TensorType out) {
        return out.dtype() != DType.F64
                && Elementwise.block(prim, in.stream().map(TensorType::dtype).toList(), out.dtype()) != null;
    }

    /** A kernel for {@code chain}, all of whose links have loops, over {@code size} elements. */
    static Kernel of(Parallel parallel, Chain chain, long size) {
        return Launch.of(parallel, LaneLoop.pieces(size), new ChainKernel(chain, size)::task);
    }

    private static Step[] steps(Chain chain) {
        var steps = new ArrayList<Step>();
        int out = chain.operands().size();
        for (var link : chain.links()) {
            if (link.prim() instanceof Primitive.Pointwise prim) {
                var types = link.in().stream().map(chain::dtype).toList();
                var loop = Objects.requireNonNull(Elementwise.block(prim, types, link.dtype()));
                steps.add(new Step(loop, link.in().stream().mapToInt(v -> v).toArray(), out));
            }
            out++;
        }
        return steps.toArray(Step[]::new);
    }

    private void task(MemorySegment[] in, MemorySegment[] out, int task) {
        var space = spaces.borrow();
        for (int i = 0; i < isRepeated.length; i++) {
            if (isRepeated[i]) {
                Movement.repeat(in[i], 0, space.memory.segment(), blocks[i] * STRIDE, BLOCK, widths[i]);
            }
        }
        int n = LaneLoop.count(size, task);
        for (int done = 0; done < n; done += BLOCK) {
            block(in, out, (long) task * LaneLoop.PIECE + done, Math.min(BLOCK, n - done), space);
        }
        spaces.giveBack(space);
    }

    private void block(MemorySegment[] in, MemorySegment[] out, long from, int n, Space space) {
        boolean isWhole = n % Lanes.COUNT == 0;
        for (int i = 0; i < isRepeated.length; i++) {
            if (!isRepeated[i]) {
                int width = widths[i];
                long address = LaneLoop.address(in[i], size * width) + from * width;
                space.at[i] = isWhole ? address : copy(address, space.block(i), n * width);
            }
        }
        for (int k = 0; k < results.length; k++) {
            int result = results[k];
            int width = widths[result];
            space.at[result] = isWhole && isDirect[k]
                    ? LaneLoop.address(out[k], size * width) + from * width
                    : space.block(result);
        }
        for (var step : steps) {
            run(step, space, n);
        }
        for (int k = 0; k < results.length; k++) {
            if (!isWhole || !isDirect[k]) {
                int result = results[k];
                int width = widths[result];
                copy(space.at[result], LaneLoop.address(out[k], size * width) + from * width, n * width);
            }
        }
    }

    private static void run(Step step, Space space, int n) {
        for (int i = 0; i < step.in.length; i++) {
            space.addresses[i] = space.at[step.in[i]];
        }
        space.addresses[step.in.length] = space.at[step.out];
        step.loop.run(space.addresses, n);
    }

    private static long copy(long from, long to, int bytes) {
        MemorySegment.copy(Lanes.ALL, from, Lanes.ALL, to, bytes);
        return to;
    }
}
