package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Symbol;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Arguments;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.spi.MemoryReport;
import io.coda4j.tensor.spi.Placement;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A program compiled by a plugin. A run returns when it has begun; its results can be used at once.
 *
 * <p>On a mesh, a program without a placement is compiled again for each way in which its arguments lie, so that weights
 * that training has split are never put together for generation; save for one that holds arrays as constants, which may be
 * closed before another way comes up.
 */
final class PjrtProgram implements Executable {
    private final PjrtDevice device;
    private final Program program;
    private final @Nullable Placement placement;
    private final Arguments arguments;
    private final List<TensorType> results;

    /** By the splits of the arguments. */
    private final Map<List<List<String>>, PjrtLoadedExecutable> loaded = new HashMap<>();

    PjrtProgram(PjrtDevice device, Program program, Layout layout) {
        this.device = device;
        this.program = program;
        this.placement = placement(device, program, layout);
        this.arguments = new Arguments(device, program, layout);
        this.results = program.results().stream().map(Tensor::type).toList();
        if (placement != null || device.mesh().isEmpty()) {
            loaded(parameters());
        }
    }

    private static @Nullable Placement placement(PjrtDevice device, Program program, Layout layout) {
        return layout.placement() == null && device.mesh().isPresent() && holdsArrays(program)
                ? Placement.replicated(device.mesh().get(), program)
                : layout.placement();
    }

    private static boolean holdsArrays(Program program) {
        return program.results().stream().anyMatch(Array.class::isInstance)
                || program.body().stream()
                        .anyMatch(equation -> equation.in().stream().anyMatch(Array.class::isInstance)
                                || equation.prim() instanceof Primitive.Scan loop && holdsArrays(loop.body()));
    }

    /** How the arguments lie, as far as it is known before there are any. */
    private List<List<String>> parameters() {
        return placement != null
                ? placement.parameters()
                : program.params().stream()
                        .map(Symbol::type)
                        .map(Placement::whole)
                        .toList();
    }

    private List<String> split(int result) {
        return placement != null ? placement.results().get(result) : Placement.whole(results.get(result));
    }

    private PjrtLoadedExecutable loaded(List<List<String>> splits) {
        return loaded.computeIfAbsent(splits, _ -> {
            var resultSplits =
                    IntStream.range(0, results.size()).mapToObj(this::split).toList();
            return device.executable(program, splits, resultSplits);
        });
    }

    /**
     * Begins a run.
     *
     * @throws PjrtException if the plugin refuses; an error of the run itself shows when a result is read
     */
    @Override
    public synchronized List<Array> run(List<Array> args) {
        var given = arguments.take(args);
        var moved = new ArrayList<PjrtValue>();
        try {
            return results(values(given, moved));
        } finally {
            // The plugin has taken their storage, but not the objects that stood for it.
            program.donated().forEach(i -> given[i].close());
            moved.forEach(PjrtValue::close);
            Reference.reachabilityFence(args);
        }
    }

    /** The arguments, with those in {@code moved} that do not lie as the placement wants them. */
    private List<PjrtValue> values(Buffer[] given, List<PjrtValue> moved) {
        var values = new ArrayList<PjrtValue>(given.length);
        for (int i = 0; i < given.length; i++) {
            var value = PjrtValue.of(given[i]);
            if (placement != null
                    && !value.split().equals(placement.parameters().get(i))) {
                value = device.moved(value, placement.parameters().get(i));
                moved.add(value);
            }
            values.add(value);
        }
        return values;
    }

    private List<Array> results(List<PjrtValue> values) {
        var executable = loaded(values.stream().map(PjrtValue::split).toList());
        var outputs = device.run(executable, values, results.size(), program.donated());
        var arrays = new ArrayList<Array>(results.size());
        for (int k = 0; k < results.size(); k++) {
            arrays.add(new Array(results.get(k), outputs.value(k, results.get(k), split(k))));
        }
        return arrays;
    }

    @Override
    public synchronized MemoryReport memory() {
        var any = loaded.isEmpty()
                ? loaded(parameters())
                : loaded.values().iterator().next();
        try (var executable = any.executable()) {
            var memory = executable.memory();
            return new MemoryReport(memory.arguments(), memory.results(), memory.temporaries(), memory.aliased());
        }
    }

    @Override
    public synchronized void close() {
        loaded.values().forEach(PjrtLoadedExecutable::close);
    }
}
