package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.exec.CacheFolder;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.spi.Placement;
import io.coda4j.tensor.spi.Shard;
import io.coda4j.tpu.StableHlo;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * One device behind a PJRT plugin, or several that run each program together: programs are printed as StableHLO and
 * compiled by the plugin, which divides them among the devices of a mesh.
 */
final class PjrtDevice implements Device {
    /**
     * How a device is opened.
     *
     * @param client options of the plugin's client
     * @param cache compiled programs of earlier runs
     * @param printer the text of a program
     */
    record Options(Map<String, PjrtAttribute> client, CacheFolder cache, Printer printer) {
        /** No options for the client, compiled programs in {@code cache}. */
        static Options in(CacheFolder cache) {
            return new Options(Map.of(), cache, Printer.STABLE_HLO);
        }
    }

    /** Programs as text. */
    @FunctionalInterface
    interface Printer {
        /** As plugins read it. */
        Printer STABLE_HLO = (program, placement) ->
                placement == null ? StableHlo.print(program) : StableHlo.print(program, placement);

        /**
         * The text of a program.
         *
         * @param placement on a mesh, or null for one device
         */
        String print(Program program, @Nullable Placement placement);
    }

    /** How a value is moved on the mesh. */
    private record Move(TensorType type, List<String> from, List<String> to) {}

    /** Stands for the mesh of a single device. */
    private static final Mesh ALONE = Mesh.of("device", 1);

    private final String name;
    private final PjrtPlugin plugin;
    private final Options options;
    private final PjrtClient client;
    private final @Nullable Mesh mesh;

    /** In the order of the mesh. */
    private final List<PjrtAccelerator> accelerators;

    private final PjrtDeviceDescription description;
    private final CompileOptions compileOptions;
    private final String identity;
    private final Map<Move, PjrtLoadedExecutable> moves = new HashMap<>();
    private int compiled;

    private PjrtDevice(
            String name,
            PjrtPlugin plugin,
            Options options,
            PjrtClient client,
            @Nullable Mesh mesh,
            List<PjrtAccelerator> accelerators) {
        this.name = name;
        this.plugin = plugin;
        this.options = options;
        this.client = client;
        this.mesh = mesh;
        this.accelerators = accelerators;
        this.description = accelerators.getFirst().description();
        this.compileOptions = CompileOptions.partitioned(accelerators.stream()
                .map(accelerator -> (long) accelerator.description().id())
                .toList());
        this.identity = String.join(
                "\n",
                plugin.name(),
                plugin.apiVersion(),
                client.platformName(),
                client.platformVersion(),
                description.kind());
    }

    /**
     * Opens device {@code number} of those that this process can use.
     *
     * @throws DeviceException if the plugin has none, or fails
     */
    static PjrtDevice open(String name, PjrtPlugin plugin, int number, Options options) {
        return open(plugin, options, client -> {
            var devices = client.addressableDevices();
            if (number >= devices.size()) {
                throw new DeviceException("device " + name + ": there is no device " + number + "; the "
                        + client.platformName() + " plugin has " + devices.size() + ", numbered from 0");
            }
            return new PjrtDevice(name, plugin, options, client, null, List.of(devices.get(number)));
        });
    }

    /**
     * Opens the first devices of those that this process can use, as many as {@code mesh} has, as one.
     *
     * @throws DeviceException if the plugin has too few, or fails
     */
    static PjrtDevice open(String name, PjrtPlugin plugin, Mesh mesh, Options options) {
        return open(plugin, options, client -> {
            var devices = client.addressableDevices();
            if (devices.size() < mesh.devices()) {
                throw new DeviceException("device " + name + ": mesh " + mesh + " needs " + mesh.devices()
                        + " devices, and this process can use " + devices.size() + " of the " + client.platformName()
                        + " plugin; choose a mesh of " + devices.size() + " or fewer");
            }
            return new PjrtDevice(name, plugin, options, client, mesh, devices.subList(0, mesh.devices()));
        });
    }

    private static PjrtDevice open(PjrtPlugin plugin, Options options, Function<PjrtClient, PjrtDevice> opening) {
        var client = plugin.client(options.client, null);
        try {
            return opening.apply(client);
        } catch (RuntimeException e) {
            client.close();
            throw e;
        }
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String description() {
        int all = client.devices().size();
        int usable = client.addressableDevices().size();
        return "%s, %s%s, platform %s, PJRT C API %s"
                .formatted(
                        description.kind(),
                        mesh == null
                                ? "device %d of %d".formatted(description.id(), all)
                                : "%d of %d devices as mesh %s".formatted(mesh.devices(), all, mesh),
                        mesh == null && usable > 1 ? "; --mesh can take " + usable + " together" : "",
                        client.platformName(),
                        plugin.apiVersion());
    }

    @Override
    public Optional<Mesh> mesh() {
        return Optional.ofNullable(mesh);
    }

    PjrtClient client() {
        return client;
    }

    /** How many programs were compiled, and not found compiled. */
    synchronized int compiled() {
        return compiled;
    }

    @Override
    public Executable compile(Program program, Layout layout) {
        var placement = layout.placement();
        if (mesh == null) {
            return new PjrtProgram(this, program, new Layout(layout.frozen()));
        }
        if (placement != null && !placement.mesh().equals(mesh)) {
            throw new DeviceException("program " + program.name() + " is placed on a mesh " + placement.mesh()
                    + ", device " + name + " has " + mesh);
        }
        return new PjrtProgram(this, program, layout);
    }

    /**
     * A program compiled for this device.
     *
     * @param parameters how its arguments lie
     * @param results how its results are to lie
     * @throws DeviceException if the program cannot be placed so, or the plugin refuses it
     */
    PjrtLoadedExecutable executable(Program program, List<List<String>> parameters, List<List<String>> results) {
        return executable(
                mesh == null
                        ? options.printer.print(OneDevice.of(program), null)
                        : options.printer.print(program, new Placement(mesh, parameters, results)));
    }

    private synchronized PjrtLoadedExecutable executable(String module) {
        var loaded = compiled(module);
        if (mesh != null && !loaded.devices().equals(accelerators)) {
            loaded.close();
            throw new DeviceException("device " + name + ": the " + client.platformName()
                    + " plugin runs a program on other devices, or in another order, than it was told");
        }
        return loaded;
    }

    private PjrtLoadedExecutable compiled(String module) {
        var entry = options.cache.entry(identity, HexFormat.of().formatHex(compileOptions.toBytes()), module);
        var known = options.cache.read(entry);
        if (known.isPresent()) {
            try {
                return client.load(known.get());
            } catch (PjrtException _) {
                // The module is at hand, so a plugin that has changed costs one more compilation and no failure.
            }
        }
        compiled++;
        var loaded = client.compile(module, compileOptions);
        try (var executable = loaded.executable()) {
            options.cache.write(entry, executable.serialize());
        } catch (PjrtException _) {
            // Not every plugin can; compiling again next time is all that is lost.
        }
        return loaded;
    }

    /**
     * What a run gave.
     *
     * @param buffers for each device of the mesh, one per result
     * @param end of the run on several devices, or null
     */
    record Outputs(
            PjrtDevice device,
            List<List<PjrtBuffer>> buffers,
            @Nullable PjrtEnd end) {
        /** A result. */
        PjrtValue value(int number, TensorType type, List<String> split) {
            var parts = buffers.stream().map(ofDevice -> ofDevice.get(number)).toList();
            return new PjrtValue(device, type, split, parts, end);
        }
    }

    /** Begins a run of a program that {@link #executable} gave. */
    Outputs run(PjrtLoadedExecutable executable, List<PjrtValue> arguments, int results, Set<Integer> donated) {
        var lists = IntStream.range(0, accelerators.size())
                .mapToObj(number ->
                        arguments.stream().map(value -> value.part(number)).toList())
                .toList();
        if (mesh == null) {
            return new Outputs(this, executable.execute(lists, results, donated), null);
        }
        var run = executable.run(lists, results, donated);
        return new Outputs(this, run.results(), new PjrtEnd(run.ends()));
    }

    /** A copy of {@code value} that lies on the mesh as {@code split} says, exchanged among the devices. */
    PjrtValue moved(PjrtValue value, List<String> split) {
        var type = value.type();
        PjrtLoadedExecutable move;
        synchronized (moves) {
            move = moves.computeIfAbsent(new Move(type, value.split(), split), _ -> {
                var program = Trace.of("move", in -> in, List.of(type));
                return executable(program, List.of(value.split()), List.of(split));
            });
        }
        return run(move, List.of(value), 1, Set.of()).value(0, type, split);
    }

    /** The part of a value that each device of the mesh holds. */
    List<Shard> shards(TensorType type, List<String> split) {
        return Shard.all(mesh == null ? ALONE : mesh, type, split);
    }

    @Override
    public Buffer upload(TensorType type, MemorySegment host) {
        return upload(type, host, Placement.whole(type));
    }

    @Override
    public Buffer upload(TensorType type, MemorySegment host, List<String> split) {
        var lies = mesh == null ? Placement.whole(type) : List.copyOf(split);
        var value = host.asSlice(0, type.byteSize());
        return new PjrtValue(
                this, type, lies, PjrtUpload.shards(client, shards(type, lies), value, accelerators), null);
    }

    @Override
    public void close() {
        client.close();
    }
}
