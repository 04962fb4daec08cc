package io.coda4j.tpu.testing;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.spi.MemoryReport;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tpu.StableHlo;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * Programs as StableHLO text on XLA's CPU compiler in another process. Values live on this side; each run sends them.
 */
final class XlaDevice implements Device {
    private final XlaProcess xla;

    XlaDevice(XlaProcess xla) {
        this.xla = xla;
    }

    @Override
    public String name() {
        return "xla";
    }

    @Override
    public String description() {
        return "XLA's CPU compiler in TensorFlow " + XlaProcess.VERSION;
    }

    @Override
    public Executable compile(Program program, Layout layout) {
        var parameters = program.params().stream().map(Tensor::type).toList();
        var results = program.results().stream().map(Tensor::type).toList();
        // A mesh of one device gives sharding notes a meaning.
        var module = StableHlo.print(program, Mesh.of("data", 1));
        return new Loaded(program, xla.compile(module, true, parameters, results), parameters, results);
    }

    @Override
    public Buffer upload(TensorType type, MemorySegment host) {
        return new Value(host.asSlice(0, type.byteSize()).toArray(ValueLayout.JAVA_BYTE));
    }

    @Override
    public void close() {
        // The process is shared.
    }

    private final class Value implements Buffer {
        private final byte[] bytes;

        Value(byte[] bytes) {
            this.bytes = bytes;
        }

        @Override
        public Device device() {
            return XlaDevice.this;
        }

        @Override
        public long byteSize() {
            return bytes.length;
        }

        @Override
        public void download(MemorySegment host) {
            MemorySegment.copy(bytes, 0, host, ValueLayout.JAVA_BYTE, 0, bytes.length);
        }

        @Override
        public void close() {
            // The garbage collector has it.
        }
    }

    private final class Loaded implements Executable {
        private final Program program;
        private final int module;
        private final List<TensorType> parameters;
        private final List<TensorType> results;

        Loaded(Program program, int module, List<TensorType> parameters, List<TensorType> results) {
            this.program = program;
            this.module = module;
            this.parameters = parameters;
            this.results = results;
        }

        @Override
        public List<Array> run(List<Array> args) {
            var types = args.stream().map(Array::type).toList();
            if (!types.equals(parameters)) {
                throw new DeviceException("program " + program.name() + " takes " + parameters + ", got " + types);
            }
            var values = new ArrayList<byte[]>();
            for (int i = 0; i < args.size(); i++) {
                boolean isDonated = program.donated().contains(i);
                var buffer = isDonated
                        ? args.get(i).donate("parameter " + i)
                        : args.get(i).buffer();
                if (!(buffer instanceof Value value)) {
                    throw new DeviceException(
                            "argument " + i + " is on " + buffer.device().name());
                }
                values.add(value.bytes);
            }
            var answer = xla.run(module, values);
            var arrays = new ArrayList<Array>();
            for (int k = 0; k < results.size(); k++) {
                arrays.add(new Array(results.get(k), new Value(answer.get(k))));
            }
            return arrays;
        }

        @Override
        public MemoryReport memory() {
            return new MemoryReport(bytes(parameters), bytes(results), 0, 0);
        }

        private static long bytes(List<TensorType> types) {
            return types.stream().mapToLong(TensorType::byteSize).sum();
        }

        @Override
        public void close() {
            xla.free(module);
        }
    }
}
