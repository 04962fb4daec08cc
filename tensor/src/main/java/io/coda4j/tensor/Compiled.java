package io.coda4j.tensor;

import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.spi.MemoryReport;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A function over trees of tensors that is traced and compiled once per structure of its argument, then run many times.
 *
 * <pre>{@code
 * var step = Compiled.of("train_step", model::trainStep, device).donating("state.**");
 * var next = step.apply(new StepInput(state, batch));   // the arrays of state are consumed
 * }</pre>
 *
 * @param <I> argument: a tree of tensors, see {@link Tree}
 * @param <O> result: a tree of tensors
 */
public final class Compiled<I, O> implements AutoCloseable {
    private record Entry<O>(List<Object> structure, Program program, Executable executable, O results, Layout layout) {
        /** An argument on {@code device}, copied to where the program wants it if it is elsewhere. */
        Array moved(Array array, int parameter, Device device) {
            var placement = layout.placement();
            return placement == null
                    ? array.to(device)
                    : array.to(device, placement.parameters().get(parameter));
        }
    }

    private final String name;
    private final Function<I, O> function;
    private final Device device;
    private final List<PathPattern> donated;
    private final List<PathPattern> frozen;
    private final @Nullable Function<I, ShardingPlan> plan;
    private final Map<List<Object>, Entry<O>> entries = new LinkedHashMap<>();

    /** The entry of the last call, which is mostly that of the next. */
    private @Nullable Entry<O> last;

    private boolean closed;

    private Compiled(
            String name,
            Function<I, O> function,
            Device device,
            List<PathPattern> donated,
            List<PathPattern> frozen,
            @Nullable Function<I, ShardingPlan> plan) {
        this.name = name;
        this.function = function;
        this.device = device;
        this.donated = donated;
        this.frozen = frozen;
        this.plan = plan;
    }

    /** A function to be compiled for {@code device} under a name for listings. */
    public static <I, O> Compiled<I, O> of(String name, Function<I, O> function, Device device) {
        return new Compiled<>(name, function, device, List.of(), List.of(), null);
    }

    /** The same function, consuming the arguments at these paths so that results may take over their storage. */
    public Compiled<I, O> donating(String... paths) {
        return new Compiled<>(name, function, device, PathPattern.all(paths), frozen, plan);
    }

    /**
     * The same function, receiving the very same arrays at these paths on every call, so that the device may derive
     * what it likes from them once.
     */
    public Compiled<I, O> freezing(String... paths) {
        return new Compiled<>(name, function, device, donated, PathPattern.all(paths), plan);
    }

    /**
     * The same function with its arguments and results placed on the mesh of its device.
     *
     * @param placing the plan for an argument of a new structure, of which only types are to be looked at
     */
    public Compiled<I, O> placing(Function<I, ShardingPlan> placing) {
        return new Compiled<>(name, function, device, donated, frozen, placing);
    }

    /**
     * Runs the function; compiles it first if the structure of {@code in} is new.
     *
     * @throws IllegalStateException if this was closed
     */
    public synchronized O apply(I in) {
        var entry = entry(in);
        var given = Tree.tensors(in);
        var args = new ArrayList<Array>(given.size());
        for (int i = 0; i < given.size(); i++) {
            args.add(entry.moved(array(in, given.get(i)), i, device));
        }
        var results = entry.executable.run(args);
        closeCopies(given, args, entry.layout.frozen());
        return Tree.filled(entry.results, results);
    }

    /** Gives back the copies of arguments that live on another device, save those the program goes on reading. */
    private static void closeCopies(List<Tensor> given, List<Array> args, Set<Integer> frozen) {
        for (int i = 0; i < args.size(); i++) {
            if (args.get(i) != given.get(i) && !frozen.contains(i)) {
                args.get(i).close();
            }
        }
    }

    /** The program that runs for arguments like {@code in}. */
    public synchronized Program program(I in) {
        return entry(in).program;
    }

    /** What a run with arguments like {@code in} needs. */
    public synchronized MemoryReport memory(I in) {
        return entry(in).executable.memory();
    }

    private Array array(I in, Tensor leaf) {
        return switch (leaf) {
            case Array array -> array;
            case Symbol symbol ->
                throw new IllegalStateException(name + ": argument '" + path(in, symbol) + "' is a " + symbol
                        + "; call the function itself while tracing");
        };
    }

    private static String path(Object tree, Tensor leaf) {
        return Tree.leaves(tree).entrySet().stream()
                .filter(entry -> entry.getValue() == leaf)
                .map(Map.Entry::getKey)
                .findFirst()
                .orElseThrow();
    }

    private Entry<O> entry(I in) {
        if (closed) {
            throw new IllegalStateException(name + " was closed; close it after its last use, or compile it again");
        }
        var entry = last;
        if (entry == null || !Tree.hasStructure(in, entry.structure)) {
            entry = entries.computeIfAbsent(Tree.structure(in), structure -> compile(structure, in));
            last = entry;
        }
        return entry;
    }

    private Entry<O> compile(List<Object> structure, I in) {
        var traced = Traced.of(name, function, in);
        var paths = traced.arguments();
        var program = traced.program().donating(traced.matching(donated));
        var placement = plan == null ? null : plan.apply(in).placement(traced);
        var layout = new Layout(traced.matching(frozen), placement);
        for (int i : layout.frozen()) {
            if (program.donated().contains(i)) {
                throw new IllegalArgumentException(name + ": argument '" + paths.get(i)
                        + "' is both donated and frozen; a donated array is consumed by the first call");
            }
        }
        return new Entry<>(structure, program, device.compile(program, layout), traced.result(), layout);
    }

    /** Releases what the device holds for this function, which cannot be used afterwards. */
    @Override
    public synchronized void close() {
        closed = true;
        entries.values().forEach(entry -> entry.executable.close());
        entries.clear();
        last = null;
    }
}
