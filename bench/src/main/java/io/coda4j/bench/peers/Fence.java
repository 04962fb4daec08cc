package io.coda4j.bench.peers;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.cpu.CpuDevice;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Waits for a device that computes while the host goes on, by fetching one element of a result. What that takes, some
 * microseconds, is part of the measured time. The CPU device is done when it returns.
 */
final class Fence implements AutoCloseable {
    private final Device device;
    private @Nullable Executable first;

    Fence(Device device) {
        this.device = device;
    }

    /** Returns once {@code result} is computed; all results of one fence have the same type. */
    void await(Array result) {
        if (device instanceof CpuDevice || result.type().size() == 0) {
            return;
        }
        if (first == null) {
            first = device.compile(firstElement(result), Layout.DENSE);
        }
        try (var element = first.run(List.of(result)).getFirst()) {
            element.toDoubles();
        }
    }

    private static Program firstElement(Array result) {
        int rank = result.rank();
        var slice = new Primitive.Slice(Collections.nCopies(rank, 0), Collections.nCopies(rank, 1));
        return Trace.of("fence", in -> List.of(in.getFirst().then(slice)), List.of(result.type()));
    }

    @Override
    public void close() {
        if (first != null) {
            first.close();
        }
    }
}
