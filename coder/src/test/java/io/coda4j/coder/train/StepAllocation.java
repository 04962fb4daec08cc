package io.coda4j.coder.train;

import com.sun.management.ThreadMXBean;
import io.coda4j.coder.model.Initialization;
import io.coda4j.diffusion.MaskedBatch;
import io.coda4j.diffusion.MaskedDiffusionLoss;
import io.coda4j.nn.AdamW;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.TransformerConfig;
import io.coda4j.nn.View;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Traced;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.cpu.CpuDevice;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.testing.OpTable;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/**
 * Prints what compiled steps allocate on the Java heap, all threads together, and what they may. Until the kernels are
 * compiled they allocate vectors, and other threads may allocate meanwhile, so steps are run until one of them stays below
 * the bound.
 *
 * <p>A process of its own, because the threads of other tests would allocate meanwhile. With {@link #AFTER_TABLE} all
 * primitives run before on all their cases: what C2 inlines depends on what ran before.
 */
final class StepAllocation {
    private static final long PATIENCE = 120_000_000_000L;

    /** Of an {@link Array} and its place in the list of results. */
    private static final long RESULT = 64;

    /** Of a buffer that no argument was donated for, with what gives it back. */
    private static final long BUFFER = 512;

    /** What is allowed beyond the results: far less than one object for each of some hundred kernels. */
    private static final long SLACK = 1024;

    private static final TransformerConfig CONFIG =
            new TransformerConfig(300, 64, 2, 2, 2, 32, 160, 10_000, 1e-6, true, -1);

    /** As argument: first the cases of the table. */
    static final String AFTER_TABLE = "after-table";

    /** How often each case is run before: enough for its kernels to be compiled with what they have seen. */
    private static final int REPEATS = 20;

    /** Larger cases take long and run the same kernels. */
    private static final long LARGEST = 20_000;

    private StepAllocation() {}

    public static void main(String[] args) {
        if (List.of(args).contains(AFTER_TABLE)) {
            runTable();
        }
        trainingStep();
        passOverFrozenWeights();
    }

    /** F32 as a step has it, of every primitive; loops are made of others. */
    private static void runTable() {
        try (var device = CpuDevice.withThreads(2)) {
            var eager = new Eager(device);
            for (var c : OpTable.cases(DType.F32)) {
                long elements = c.types().stream().mapToLong(TensorType::size).sum();
                if (c.prim() instanceof Primitive.Scan || elements > LARGEST) {
                    continue;
                }
                try (var _ = Scope.open()) {
                    var inputs = c.inputs(1).stream()
                            .<Tensor>map(array -> array.to(device))
                            .toList();
                    for (int i = 0; i < REPEATS; i++) {
                        try (var _ = Scope.open()) {
                            eager.apply(c.prim(), inputs);
                        }
                    }
                }
            }
        }
    }

    private static long least(Executable step, List<Array> start, UnaryOperator<List<Array>> next, long bound) {
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        var args = start;
        long least = Long.MAX_VALUE;
        for (long end = System.nanoTime() + PATIENCE; least > bound && System.nanoTime() < end; ) {
            long before = threads.getTotalThreadAllocatedBytes();
            var results = step.run(args);
            least = Math.min(least, threads.getTotalThreadAllocatedBytes() - before);
            args = next.apply(results);
        }
        return least;
    }

    private static List<Array> arguments(Object tree, CpuDevice device) {
        var arguments = new ArrayList<Array>();
        Tree.leaves(tree).values().forEach(leaf -> arguments.add(((Array) leaf).to(device)));
        return arguments;
    }

    private static void trainingStep() {
        try (var device = CpuDevice.withThreads(2);
                var _ = Scope.open()) {
            var step = new TrainStep(
                    new MaskedDiffusionLoss(AttentionMask.FULL, 4096, false),
                    new AdamW(0.9, 0.95, 1e-8, 0.1, false),
                    1.0);
            var model = new Initialization(0.02, true).initialize(CONFIG, 1, device);
            var state = TrainState.start(model, step.optimizer(), device);
            var input = new TrainStep.Input(
                    state, batch(), Array.of(Shape.of(4), step.optimizer().scalars(1, 1e-3)));
            var program = step.trace(input).program();
            int donated = program.donated().size();
            int results = program.results().size();
            long bound = results * RESULT + (results - donated) * BUFFER + SLACK;
            var args = arguments(input, device);
            try (var executable = device.compile(program, Layout.DENSE)) {
                long bytes = least(
                        executable,
                        args,
                        made -> {
                            made.subList(donated, results).forEach(Array::close);
                            var following = new ArrayList<>(made.subList(0, donated));
                            following.addAll(args.subList(donated, args.size()));
                            return following;
                        },
                        bound);
                System.out.println("training step: " + bytes + " of " + bound);
            }
        }
    }

    private static MaskedBatch batch() {
        var ids = IntStream.range(0, 256).map(i -> i % 3 == 0 ? 299 : i).toArray();
        var hidden = IntStream.range(0, 256).filter(i -> i % 3 == 0).toArray();
        var targets = IntStream.of(hidden).toArray();
        var weights = new float[hidden.length];
        Arrays.fill(weights, 1f / hidden.length);
        return new MaskedBatch(
                Array.of(Shape.of(4, 64), ids),
                Array.of(Shape.of(4, 64), new int[256]),
                Array.of(Shape.of(hidden.length), hidden),
                Array.of(Shape.of(hidden.length), targets),
                Array.of(Shape.of(hidden.length), weights));
    }

    private static void passOverFrozenWeights() {
        try (var device = CpuDevice.withThreads(2);
                var _ = Scope.open()) {
            var model = new Initialization(0.02, true).initialize(CONFIG, 1, device);
            var ids = Array.of(Shape.of(2, 64), IntStream.range(0, 128).toArray());
            var in = List.<Object>of(model, ids);
            var traced = Traced.of("logits", StepAllocation::logits, in);
            var frozen = new TreeSet<Integer>();
            IntStream.range(0, traced.program().params().size() - 1).forEach(frozen::add);
            long bound = RESULT + BUFFER + SLACK;
            var args = arguments(in, device);
            try (var executable = device.compile(traced.program(), new Layout(frozen))) {
                long bytes = least(
                        executable,
                        args,
                        made -> {
                            made.forEach(Array::close);
                            return args;
                        },
                        bound);
                System.out.println("pass over frozen weights: " + bytes + " of " + bound);
            }
        }
    }

    private static Tensor logits(List<Object> in) {
        var model = (LanguageModel) in.getFirst();
        var ids = (Tensor) in.getLast();
        var states = model.model().apply(ids, View.of(ids, AttentionMask.FULL));
        return states.linear(model.headWeight());
    }
}
