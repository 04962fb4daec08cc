package io.coda4j.tpu.testing;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.spi.Placement;
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
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** Several virtual devices of XLA's CPU client in another process, for programs that are placed on a mesh. */
public final class XlaMesh implements AutoCloseable {
    /** How many devices there are; a program may use fewer. */
    private static final int DEVICES = 8;

    private final Process process;
    private final DataOutputStream to;
    private final DataInputStream from;
    private final Path dumps;

    private XlaMesh(Process process, Path dumps) {
        this.process = process;
        this.dumps = dumps;
        this.to = new DataOutputStream(new BufferedOutputStream(process.getOutputStream()));
        this.from = new DataInputStream(new BufferedInputStream(process.getInputStream()));
    }

    /** Why it cannot be started here, or empty if it can. */
    public static Optional<String> unusableBecause() {
        return XlaProcess.unusableBecause();
    }

    /** Starts the process; it leaves what XLA makes of the programs in {@code dumps}. */
    public static XlaMesh start(Path dumps) throws IOException {
        var builder = XlaProcess.builder(XlaMeshServer.class, Integer.toString(DEVICES));
        builder.environment()
                .put("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_dump_hlo_as_text --xla_dump_to=" + dumps);
        builder.redirectError(Path.of("target", "xla-mesh.log").toFile());
        return new XlaMesh(builder.start(), dumps);
    }

    /**
     * What a run gave.
     *
     * @param results put together from the devices' parts, on the reference device
     * @param optimised the program of one device as XLA left it, as HLO text
     */
    public record Outcome(List<Array> results, String optimised) {}

    /** Runs a program on the devices of a mesh: cuts the arguments into parts, and puts the results together. */
    public Outcome run(Program program, Placement placement, Partitioner partitioner, List<Array> arguments) {
        var module = StableHlo.print(program, placement, partitioner);
        var mesh = placement.mesh();
        try {
            clear();
            var bytes = module.getBytes(StandardCharsets.UTF_8);
            to.writeInt(bytes.length);
            to.write(bytes);
            to.writeBoolean(partitioner == Partitioner.SHARDY);
            to.writeInt(mesh.devices());
            var types = program.params().stream().map(Tensor::type).toList();
            var parts = new ArrayList<Part[]>();
            for (int i = 0; i < types.size(); i++) {
                parts.add(Part.all(mesh, types.get(i), placement.parameters().get(i)));
            }
            XlaServer.writeTypes(to, parts.stream().map(part -> part[0].type()).toList());
            var values = arguments.stream().map(XlaMesh::bytes).toList();
            for (int d = 0; d < mesh.devices(); d++) {
                for (int i = 0; i < types.size(); i++) {
                    to.write(parts.get(i)[d].cut(values.get(i)));
                }
            }
            to.flush();
            return new Outcome(results(program, placement, module), optimised());
        } catch (IOException e) {
            throw new AssertionError("XLA's process is gone, see target/xla-mesh.log; it was running\n" + module, e);
        }
    }

    private List<Array> results(Program program, Placement placement, String module) throws IOException {
        if (!from.readBoolean()) {
            throw new AssertionError("XLA refuses: " + from.readUTF() + "\n" + module);
        }
        var mesh = placement.mesh();
        int count = from.readInt();
        var parts = new ArrayList<Part[]>();
        var wholes = new ArrayList<byte[]>();
        for (int k = 0; k < count; k++) {
            var type = program.results().get(k).type();
            parts.add(Part.all(mesh, type, placement.results().get(k)));
            wholes.add(new byte[Math.toIntExact(type.byteSize())]);
        }
        for (int d = 0; d < mesh.devices(); d++) {
            for (int k = 0; k < count; k++) {
                var value = from.readNBytes(from.readInt());
                var part = parts.get(k)[d];
                if (part.isCopy() && !Arrays.equals(value, part.cut(wholes.get(k)))) {
                    throw new AssertionError("device " + d + " has another result " + k + " than its neighbours");
                }
                part.paste(value, wholes.get(k));
            }
        }
        var results = new ArrayList<Array>();
        for (int k = 0; k < count; k++) {
            results.add(Array.copyOf(
                    program.results().get(k).type(), MemorySegment.ofArray(wholes.get(k)), OpTable.reference()));
        }
        return results;
    }

    private void clear() throws IOException {
        Files.createDirectories(dumps);
        try (var files = Files.list(dumps)) {
            for (var file : files.toList()) {
                Files.delete(file);
            }
        }
    }

    private String optimised() throws IOException {
        try (var files = Files.list(dumps)) {
            var text = files.filter(file -> file.toString().endsWith("after_optimizations.txt"))
                    .min(Comparator.naturalOrder());
            return Files.readString(text.orElseThrow(() -> new AssertionError("no dump in " + dumps)));
        }
    }

    private static byte[] bytes(Array array) {
        try (var arena = Arena.ofConfined()) {
            var host = arena.allocate(Math.max(1, array.type().byteSize()));
            array.buffer().download(host);
            return host.asSlice(0, array.type().byteSize()).toArray(ValueLayout.JAVA_BYTE);
        }
    }

    /**
     * The part of a value that one device has.
     *
     * @param whole the value's type
     * @param type the part's type
     * @param first the index of the part's first element along each axis
     * @param isCopy whether a device before this one has the same part
     */
    private record Part(TensorType whole, TensorType type, int[] first, boolean isCopy) {
        /** The parts of all devices. */
        static Part[] all(Mesh mesh, TensorType whole, List<String> split) {
            var type = Placement.part(mesh, whole, split);
            var parts = new Part[mesh.devices()];
            var seen = new ArrayList<List<Integer>>();
            for (int d = 0; d < parts.length; d++) {
                var first = new int[whole.rank()];
                for (int i = 0; i < first.length; i++) {
                    first[i] = split.get(i).isEmpty() ? 0 : coordinate(mesh, split.get(i), d) * type.dim(i);
                }
                var key = Arrays.stream(first).boxed().toList();
                parts[d] = new Part(whole, type, first, seen.contains(key));
                seen.add(key);
            }
            return parts;
        }

        /** The devices count along the mesh's last axis first. */
        private static int coordinate(Mesh mesh, String axis, int device) {
            int inner = 1;
            for (Map.Entry<String, Integer> entry : mesh.axes().reversed().entrySet()) {
                if (entry.getKey().equals(axis)) {
                    return device / inner % entry.getValue();
                }
                inner *= entry.getValue();
            }
            throw new IllegalArgumentException("no axis " + axis);
        }

        byte[] cut(byte[] value) {
            var part = new byte[Math.toIntExact(type.byteSize())];
            copy(0, 0, 0, (inPart, inWhole, bytes) -> System.arraycopy(value, inWhole, part, inPart, bytes));
            return part;
        }

        void paste(byte[] part, byte[] value) {
            copy(0, 0, 0, (inPart, inWhole, bytes) -> System.arraycopy(part, inPart, value, inWhole, bytes));
        }

        private interface Move {
            void row(int inPart, int inWhole, int bytes);
        }

        /** Walks over the axes; rows of the last are moved. Offsets are in elements. */
        private void copy(int axis, int inPart, int inWhole, Move move) {
            int element = type.dtype().bytes();
            if (axis >= type.rank() - 1) {
                int size = axis < type.rank() ? type.dim(axis) : 1;
                int start = axis < type.rank() ? inWhole * whole.dim(axis) + first[axis] : inWhole;
                int at = axis < type.rank() ? inPart * size : inPart;
                move.row(at * element, start * element, size * element);
                return;
            }
            for (int i = 0; i < type.dim(axis); i++) {
                copy(axis + 1, inPart * type.dim(axis) + i, inWhole * whole.dim(axis) + first[axis] + i, move);
            }
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
