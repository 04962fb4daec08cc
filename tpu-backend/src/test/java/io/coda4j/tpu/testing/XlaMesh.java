package io.coda4j.tpu.testing;

import static java.lang.ProcessBuilder.Redirect.appendTo;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.spi.Placement;
import io.coda4j.tensor.spi.Shard;
import io.coda4j.tensor.testing.OpTable;
import io.coda4j.tpu.Partitioner;
import io.coda4j.tpu.StableHlo;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** Several virtual devices of XLA's CPU client in another process, for programs that are placed on a mesh. */
public final class XlaMesh implements AutoCloseable {
    /** How many devices there are; a program may use fewer. */
    public static final int DEVICES = 8;

    private static @Nullable XlaMesh shared;

    private final Process process;
    private final DataOutputStream to;
    private final DataInputStream from;
    private final @Nullable Path dumps;

    private XlaMesh(Process process, @Nullable Path dumps) {
        this.process = process;
        this.dumps = dumps;
        this.to = new DataOutputStream(new BufferedOutputStream(process.getOutputStream()));
        this.from = new DataInputStream(new BufferedInputStream(process.getInputStream()));
    }

    /** Why it cannot be started here, or empty if it can. */
    public static Optional<String> unusableBecause() {
        return XlaProcess.unusableBecause();
    }

    /** The process that all tests of this JVM share; it ends with the JVM, when its input does. */
    public static synchronized XlaMesh shared() {
        if (shared == null) {
            try {
                shared = start(null);
            } catch (IOException e) {
                throw new DeviceException("XLA's process does not start: " + e.getMessage(), e);
            }
        }
        return shared;
    }

    /** Starts the process; it leaves what XLA makes of the programs in {@code dumps}, unless that is null. */
    public static XlaMesh start(@Nullable Path dumps) throws IOException {
        var builder = XlaProcess.builder(XlaMeshServer.class, Integer.toString(DEVICES));
        builder.environment()
                .put(
                        "XLA_FLAGS",
                        "--xla_backend_optimization_level=0"
                                + (dumps == null ? "" : " --xla_dump_hlo_as_text --xla_dump_to=" + dumps));
        builder.redirectError(appendTo(Path.of("target", "xla-mesh.log").toFile()));
        return new XlaMesh(builder.start(), dumps);
    }

    /**
     * What a run gave.
     *
     * @param results put together from the devices' parts, on the reference device
     * @param optimised the program of one device as XLA left it, as HLO text
     */
    public record Outcome(List<Array> results, String optimised) {}

    /**
     * Compiles a module.
     *
     * @param options a message {@code xla.CompileOptionsProto}
     * @return its number
     * @throws IllegalArgumentException with what XLA says if it refuses
     */
    public synchronized int compile(String module, byte[] options) {
        return ask(module, () -> {
            var bytes = module.getBytes(StandardCharsets.UTF_8);
            to.writeByte(XlaMeshServer.COMPILE);
            to.writeInt(bytes.length);
            to.write(bytes);
            to.writeInt(options.length);
            to.write(options);
            to.flush();
            readRefusal(module);
            return from.readInt();
        });
    }

    /**
     * Runs a module.
     *
     * @param number that {@link #compile} gave
     * @param types of one device's arguments
     * @param values of the arguments of each device
     * @return the values of the results of each device
     * @throws IllegalArgumentException with what XLA says if it refuses
     */
    public synchronized List<List<byte[]>> run(int number, List<TensorType> types, List<List<byte[]>> values) {
        return ask("module " + number, () -> {
            to.writeByte(XlaMeshServer.RUN);
            to.writeInt(number);
            to.writeInt(values.size());
            XlaServer.writeTypes(to, types);
            for (var ofDevice : values) {
                for (var value : ofDevice) {
                    to.write(value);
                }
            }
            to.flush();
            readRefusal("module " + number);
            int count = from.readInt();
            var results = new ArrayList<List<byte[]>>();
            for (int device = 0; device < values.size(); device++) {
                var ofDevice = new ArrayList<byte[]>();
                for (int k = 0; k < count; k++) {
                    ofDevice.add(from.readNBytes(from.readInt()));
                }
                results.add(ofDevice);
            }
            return results;
        });
    }

    private interface Exchange<T> {
        T run() throws IOException;
    }

    private static <T> T ask(String module, Exchange<T> exchange) {
        try {
            return exchange.run();
        } catch (IOException e) {
            throw new AssertionError("XLA's process is gone, see target/xla-mesh.log; it was running\n" + module, e);
        }
    }

    private void readRefusal(String module) throws IOException {
        if (!from.readBoolean()) {
            throw new IllegalArgumentException("XLA refuses: " + from.readUTF() + "\n" + module);
        }
    }

    /** Runs a program on the devices of a mesh: cuts the arguments into shards, and puts the results together. */
    public Outcome run(Program program, Placement placement, Partitioner partitioner, List<Array> arguments) {
        var module = StableHlo.print(program, placement, partitioner);
        return ask(module, () -> {
            clear();
            boolean shardy = partitioner == Partitioner.SHARDY;
            int number = compile(
                    module, XlaMeshServer.compileOptions(placement.mesh().devices(), shardy));
            return new Outcome(results(number, program, placement, arguments), optimised());
        });
    }

    private List<Array> results(int number, Program program, Placement placement, List<Array> arguments) {
        var mesh = placement.mesh();
        var shards = shards(mesh, program.params(), placement.parameters());
        var types = shards.stream().map(ofValue -> ofValue.getFirst().type()).toList();
        var wholes = arguments.stream().map(XlaMesh::bytes).toList();
        var values = new ArrayList<List<byte[]>>();
        for (int device = 0; device < mesh.devices(); device++) {
            var ofDevice = new ArrayList<byte[]>();
            for (int i = 0; i < types.size(); i++) {
                var part = new byte[Math.toIntExact(types.get(i).byteSize())];
                shards.get(i).get(device).cut(MemorySegment.ofArray(wholes.get(i)), MemorySegment.ofArray(part));
                ofDevice.add(part);
            }
            values.add(ofDevice);
        }
        return joined(program, placement, run(number, types, values));
    }

    private static List<List<Shard>> shards(Mesh mesh, List<? extends Tensor> values, List<List<String>> splits) {
        return IntStream.range(0, values.size())
                .mapToObj(i -> Shard.all(mesh, values.get(i).type(), splits.get(i)))
                .toList();
    }

    private static List<Array> joined(Program program, Placement placement, List<List<byte[]>> parts) {
        var shards = shards(placement.mesh(), program.results(), placement.results());
        var results = new ArrayList<Array>();
        for (int k = 0; k < shards.size(); k++) {
            var type = program.results().get(k).type();
            var whole = MemorySegment.ofArray(new byte[Math.toIntExact(type.byteSize())]);
            for (int device = 0; device < parts.size(); device++) {
                shards.get(k)
                        .get(device)
                        .paste(MemorySegment.ofArray(parts.get(device).get(k)), whole);
            }
            for (int device = 0; device < parts.size(); device++) {
                var part = parts.get(device).get(k);
                var again = new byte[part.length];
                shards.get(k).get(device).cut(whole, MemorySegment.ofArray(again));
                if (!Arrays.equals(part, again)) {
                    throw new AssertionError("device " + device + " has another result " + k + " than its neighbours");
                }
            }
            results.add(Array.copyOf(type, whole, OpTable.reference()));
        }
        return results;
    }

    private Path dumps() {
        return Objects.requireNonNull(dumps, "started without a folder for dumps");
    }

    private void clear() throws IOException {
        Files.createDirectories(dumps());
        try (var files = Files.list(dumps())) {
            for (var file : files.toList()) {
                Files.delete(file);
            }
        }
    }

    private String optimised() throws IOException {
        try (var files = Files.list(dumps())) {
            var text = files.filter(file -> file.toString().endsWith("after_optimizations.txt"))
                    .min(Comparator.naturalOrder());
            return Files.readString(text.orElseThrow(() -> new AssertionError("no dump in " + dumps())));
        }
    }

    private static byte[] bytes(Array array) {
        try (var arena = Arena.ofConfined()) {
            var host = arena.allocate(Math.max(1, array.type().byteSize()));
            array.buffer().download(host);
            return host.asSlice(0, array.type().byteSize()).toArray(ValueLayout.JAVA_BYTE);
        }
    }

    @Override
    public void close() throws IOException {
        try (to) {
            // The end of its input ends the process.
            to.flush();
        } finally {
            end();
        }
    }

    private void end() {
        try {
            if (!process.waitFor(20, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException _) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
