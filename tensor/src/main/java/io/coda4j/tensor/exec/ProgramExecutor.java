package io.coda4j.tensor.exec;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.DeviceMemoryException;
import io.coda4j.tensor.Equation;
import io.coda4j.tensor.Legalizer;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Symbol;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.exec.MemoryPlan.Place;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.spi.MemoryReport;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Runs a program as a list of kernels over planned storage: the executable of every device that computes one primitive
 * after the other.
 */
public final class ProgramExecutor implements Executable {
    /** A kernel with the storage of its operands and results; places that change between runs are set before each. */
    private record Step(Kernel kernel, Buffer[] in, Buffer[] out) {}

    /** A slot of a step that holds argument or result {@code source} of the current run. */
    private record Slot(@Nullable Buffer[] buffers, int index, int source) {}

    private final Device device;
    private final Memory memory;
    private final Program program;
    private final Layout layout;
    private final Arguments arguments;
    private final MemoryPlan plan;
    private final Buffer slab;
    private final Buffer persistent;
    private final Map<Array, Buffer> constants = new IdentityHashMap<>();
    private final Step[] once;
    private final Step[] steps;
    private final Slot[] argumentSlots;
    private final Slot[] resultSlots;

    /** The donated argument whose storage each result takes over, or -1; and those that none takes over. */
    private final int[] donors;

    private final int[] unclaimed;
    private final int[] donated;
    private final int[] copied;

    // Of the run of the moment.
    private final Buffer[] given;
    private final Buffer[] results;
    private boolean hasRun;
    private boolean closed;

    /** Plans and binds {@code program} for {@code device}, expanding fused primitives that {@code kernels} lacks. */
    public ProgramExecutor(Device device, KernelSet kernels, Memory memory, Program program, Layout layout) {
        this.device = device;
        this.memory = memory;
        this.layout = layout;
        this.arguments = new Arguments(device, program, layout);
        this.program = Legalizer.legalise(
                program, (prim, in) -> kernels.kernel(prim, in, prim.infer(in)).isPresent());
        var groups = Chains.of(
                this.program,
                equation -> equation.prim() instanceof Primitive.Pointwise prim
                        && kernels.fuses(
                                prim,
                                equation.in().stream().map(Tensor::type).toList(),
                                equation.out().getFirst().type()));
        this.plan = MemoryPlan.of(this.program, groups, layout.frozen());
        this.slab = allocate(plan.temporaryBytes());
        try {
            this.persistent = allocate(plan.persistentBytes());
        } catch (DeviceException e) {
            slab.close();
            throw e;
        }
        this.given = new Buffer[program.params().size()];
        this.results = new Buffer[program.results().size()];
        this.donors = IntStream.range(0, results.length)
                .map(k -> Objects.requireNonNullElse(plan.donation(k), -1))
                .toArray();
        this.donated = program.donated().stream().mapToInt(i -> i).sorted().toArray();
        this.unclaimed = Arrays.stream(donated)
                .filter(i -> Arrays.stream(donors).noneMatch(k -> k == i))
                .toArray();
        this.copied = plan.copiedResults().stream().mapToInt(k -> k).toArray();
        try {
            var binding = new Binding(kernels);
            this.once = binding.steps(groups, true);
            this.steps = binding.steps(groups, false);
            this.argumentSlots = binding.argumentSlots.toArray(Slot[]::new);
            this.resultSlots = binding.resultSlots.toArray(Slot[]::new);
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    private Buffer allocate(long bytes) {
        try {
            return memory.allocate(bytes);
        } catch (DeviceMemoryException e) {
            var report = memory();
            throw new DeviceMemoryException(
                    "program %s needs %,d bytes: %,d at its peak for values between its equations, %,d for values kept between runs, %,d for arguments and %,d for results beside them; %s"
                            .formatted(
                                    program.name(),
                                    report.arguments() + report.results() - report.donated() + report.temporaries(),
                                    plan.temporaryBytes(),
                                    plan.persistentBytes(),
                                    report.arguments(),
                                    report.results() - report.donated(),
                                    e.getMessage()),
                    e);
        }
    }

    /** Makes the steps, and notes which of their places change between runs. */
    private final class Binding {
        private final KernelSet kernels;
        private final List<Slot> argumentSlots = new ArrayList<>();
        private final List<Slot> resultSlots = new ArrayList<>();

        Binding(KernelSet kernels) {
            this.kernels = kernels;
        }

        Step[] steps(List<Group> groups, boolean isOnce) {
            return groups.stream()
                    .filter(group -> !group.isAlias() && plan.runsOnce(group) == isOnce)
                    .map(this::step)
                    .toArray(Step[]::new);
        }

        private Step step(Group group) {
            return new Step(kernel(group), buffers(group.in()), buffers(group.out()));
        }

        private Kernel kernel(Group group) {
            try {
                return group.chain()
                        .map(chain -> kernels.chain(chain, group.elements()).orElseThrow())
                        .orElseGet(() -> kernel(group.equation()));
            } catch (ArithmeticException e) {
                // Kernels count rows and pieces of work as int.
                throw new DeviceException(
                        device.name() + " cannot compute " + group.name() + " to "
                                + group.out().stream().map(Symbol::type).toList()
                                + ": its kernel would have more than 2^31 pieces of work; compute it in parts",
                        e);
            }
        }

        private Kernel kernel(Equation equation) {
            var in = equation.in().stream().map(Tensor::type).toList();
            var out = equation.out().stream().map(Symbol::type).toList();
            return kernels.kernel(equation.prim(), in, out, frozen(equation.in()))
                    .orElseThrow(() -> new DeviceException(device.name() + " has no kernel for "
                            + equation.prim().mnemonic() + " on " + in));
        }

        /** Which of the operands lie in frozen arguments. */
        private Set<Integer> frozen(List<Tensor> operands) {
            return IntStream.range(0, operands.size())
                    .filter(i -> plan.place(operands.get(i)) instanceof Place.Argument(int index)
                            && layout.frozen().contains(index))
                    .boxed()
                    .collect(Collectors.toSet());
        }

        private Buffer[] buffers(List<? extends Tensor> tensors) {
            var buffers = new Buffer[tensors.size()];
            for (int i = 0; i < buffers.length; i++) {
                switch (plan.place(tensors.get(i))) {
                    case Place.Argument(int index) -> argumentSlots.add(new Slot(buffers, i, index));
                    case Place.Result(int index) -> resultSlots.add(new Slot(buffers, i, index));
                    case Place.Temporary(long offset, long bytes) -> buffers[i] = memory.view(slab, offset, bytes);
                    case Place.Persistent(long offset, long bytes) ->
                        buffers[i] = memory.view(persistent, offset, bytes);
                    case Place.Constant(var array) -> buffers[i] = constant(array);
                }
            }
            return buffers;
        }
    }

    /** A copy of a captured array, which the program may outlive. */
    private Buffer constant(Array array) {
        return constants.computeIfAbsent(array, _ -> {
            var copy = allocate(array.type().byteSize());
            memory.copy(array.to(device).buffer(), copy);
            return copy;
        });
    }

    @Override
    public synchronized List<Array> run(List<Array> args) {
        if (closed) {
            throw new IllegalStateException("program " + program.name() + " was closed");
        }
        return memory.whileOpen(() -> results(args));
    }

    private List<Array> results(List<Array> args) {
        arguments.take(args, given);
        for (int i : donated) {
            memory.changing(given[i]);
        }
        for (int k = 0; k < results.length; k++) {
            results[k] = donors[k] >= 0
                    ? given[donors[k]]
                    : allocate(program.results().get(k).type().byteSize());
        }
        fill(argumentSlots, given);
        fill(resultSlots, results);
        if (!hasRun) {
            execute(once);
            hasRun = true;
        }
        execute(steps);
        for (int k : copied) {
            memory.copy(buffer(program.results().get(k)), results[k]);
        }
        for (int i : unclaimed) {
            given[i].close();
        }
        // Kernels work on raw addresses: the arrays that own them must stay reachable until here.
        Reference.reachabilityFence(args);
        return arrays();
    }

    private static void execute(Step[] steps) {
        for (var step : steps) {
            step.kernel.run(step.in, step.out);
        }
    }

    private static void fill(Slot[] slots, Buffer[] sources) {
        for (var slot : slots) {
            slot.buffers[slot.index] = sources[slot.source];
        }
    }

    private Buffer buffer(Tensor tensor) {
        return switch (plan.place(tensor)) {
            case Place.Argument(int index) -> given[index];
            case Place.Result(int index) -> results[index];
            case Place.Temporary(long offset, long bytes) -> memory.view(slab, offset, bytes);
            case Place.Persistent(long offset, long bytes) -> memory.view(persistent, offset, bytes);
            case Place.Constant(var array) -> constant(array);
        };
    }

    private List<Array> arrays() {
        var arrays = new ArrayList<Array>(results.length);
        for (int k = 0; k < results.length; k++) {
            arrays.add(new Array(program.results().get(k).type(), results[k]));
        }
        return arrays;
    }

    @Override
    public MemoryReport memory() {
        long arguments =
                program.params().stream().mapToLong(p -> p.type().byteSize()).sum();
        long results =
                program.results().stream().mapToLong(r -> r.type().byteSize()).sum();
        long donated = 0;
        for (int k = 0; k < program.results().size(); k++) {
            donated += plan.donation(k) == null
                    ? 0
                    : program.results().get(k).type().byteSize();
        }
        return new MemoryReport(arguments, results, plan.temporaryBytes() + plan.persistentBytes(), donated);
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            slab.close();
            persistent.close();
            constants.values().forEach(Buffer::close);
        }
    }
}
