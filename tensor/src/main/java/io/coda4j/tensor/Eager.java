package io.coda4j.tensor;

import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Devices;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Computes each primitive at once, as a cached program of one equation on a device. */
public final class Eager implements Interpreter {
    private static final int CACHED_PROGRAMS = 2048;

    private record Key(Primitive prim, List<TensorType> types) {}

    private static final class DefaultDevice {
        static final Eager INSTANCE = new Eager(Devices.defaultDevice());
    }

    private final Device device;
    private final Map<Key, Executable> cache = new LinkedHashMap<>(64, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, Executable> eldest) {
            if (size() <= CACHED_PROGRAMS) {
                return false;
            }
            eldest.getValue().close();
            return true;
        }
    };

    /** Eager execution on {@code device}. */
    public Eager(Device device) {
        this.device = device;
    }

    /** Eager execution on the default device; what runs when no interpreter is bound. */
    public static Eager onDefaultDevice() {
        return DefaultDevice.INSTANCE;
    }

    /** The device that computes. */
    public Device device() {
        return device;
    }

    @Override
    public List<Tensor> apply(Primitive prim, List<Tensor> in) {
        if (prim instanceof Primitive.Scan scan) {
            // Bodies are equal only to themselves: compiled loops would fill the cache and never be found again.
            prim.infer(in.stream().map(Tensor::type).toList());
            return run(() -> own(Decompose.apply(scan, in), scan, in));
        }
        var arrays = in.stream().map(tensor -> array(prim, tensor)).toList();
        var types = arrays.stream().map(Tensor::type).toList();
        synchronized (cache) {
            var executable = cache.get(new Key(prim, types));
            if (executable == null) {
                var program =
                        Trace.of(prim.mnemonic(), args -> Interpreter.current().apply(prim, args), types);
                executable = device.compile(program, Layout.DENSE);
                cache.put(new Key(prim, types), executable);
            }
            return List.copyOf(executable.run(arrays));
        }
    }

    /**
     * The results of a loop as arrays of their own, as those of any primitive and of a compiled loop are: its steps may hand on an
     * operand or a constant as it is, and give one value twice.
     */
    private static List<Tensor> own(List<Tensor> results, Primitive.Scan scan, List<Tensor> in) {
        Set<Tensor> taken = Collections.newSetFromMap(new IdentityHashMap<>());
        taken.addAll(in);
        taken.addAll(scan.body().results());
        return results.stream()
                .map(result -> taken.add(result) ? result : result.annotate(new Primitive.Note.Barrier()))
                .toList();
    }

    private Array array(Primitive prim, Tensor tensor) {
        return switch (tensor) {
            case Array array -> array.to(device);
            case Symbol symbol ->
                throw new IllegalStateException(prim.mnemonic() + ": operand is a " + symbol
                        + ", which has no value outside the trace that made it; return it from the traced function");
        };
    }
}
