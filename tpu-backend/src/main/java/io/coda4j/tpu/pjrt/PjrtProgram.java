package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.exec.Arguments;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.spi.MemoryReport;
import java.lang.ref.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A program compiled by a plugin. A run returns when it has begun; its results can be used at once. */
final class PjrtProgram implements Executable {
    private final PjrtDevice device;
    private final Program program;
    private final Arguments arguments;
    private final PjrtLoadedExecutable loaded;

    PjrtProgram(PjrtDevice device, Program program, Layout layout, PjrtLoadedExecutable loaded) {
        this.device = device;
        this.program = program;
        this.arguments = new Arguments(device, program, layout);
        this.loaded = loaded;
    }

    /**
     * Begins a run.
     *
     * @throws PjrtException if the plugin refuses; an error of the run itself shows when a result is read
     */
    @Override
    public synchronized List<Array> run(List<Array> args) {
        var given = arguments.take(args);
        try {
            var buffers = Arrays.stream(given).map(PjrtValue::buffer).toList();
            int outputs = program.results().size();
            var results =
                    loaded.execute(List.of(buffers), outputs, program.donated()).getFirst();
            return arrays(results);
        } finally {
            // The plugin has taken their storage, but not the objects that stood for it.
            program.donated().forEach(i -> given[i].close());
            Reference.reachabilityFence(args);
        }
    }

    private List<Array> arrays(List<PjrtBuffer> results) {
        var arrays = new ArrayList<Array>(results.size());
        for (int k = 0; k < results.size(); k++) {
            var type = program.results().get(k).type();
            Buffer value = new PjrtValue(device, type, results.get(k));
            arrays.add(new Array(type, value));
        }
        return arrays;
    }

    @Override
    public MemoryReport memory() {
        try (var executable = loaded.executable()) {
            var memory = executable.memory();
            return new MemoryReport(memory.arguments(), memory.results(), memory.temporaries(), memory.aliased());
        }
    }

    @Override
    public void close() {
        loaded.close();
    }
}
