package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.CacheFolder;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tpu.StableHlo;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HexFormat;
import java.util.Map;
import java.util.function.Function;

/** One device behind a PJRT plugin: programs are printed as StableHLO and compiled by the plugin. */
final class PjrtDevice implements Device {
    /**
     * How a device is opened.
     *
     * @param client options of the plugin's client
     * @param cache compiled programs of earlier runs
     * @param printer the text of a program
     */
    record Options(Map<String, PjrtAttribute> client, CacheFolder cache, Function<Program, String> printer) {
        /** No options for the client, compiled programs in {@code cache}. */
        static Options in(CacheFolder cache) {
            return new Options(Map.of(), cache, StableHlo::print);
        }
    }

    private final String name;
    private final PjrtPlugin plugin;
    private final Options options;
    private final PjrtClient client;
    private final PjrtAccelerator accelerator;
    private final PjrtDeviceDescription description;
    private final String identity;
    private int compiled;

    private PjrtDevice(String name, PjrtPlugin plugin, Options options, PjrtClient client, int number) {
        this.name = name;
        this.plugin = plugin;
        this.options = options;
        this.client = client;
        this.accelerator = accelerator(name, client, number);
        this.description = accelerator.description();
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
        var client = plugin.client(options.client, null);
        try {
            return new PjrtDevice(name, plugin, options, client, number);
        } catch (RuntimeException e) {
            client.close();
            throw e;
        }
    }

    private static PjrtAccelerator accelerator(String name, PjrtClient client, int number) {
        var devices = client.addressableDevices();
        if (number >= devices.size()) {
            throw new DeviceException("device " + name + ": there is no device " + number + "; the "
                    + client.platformName() + " plugin has " + devices.size() + ", numbered from 0");
        }
        return devices.get(number);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String description() {
        return "%s, device %d of %d, platform %s, PJRT C API %s"
                .formatted(
                        description.kind(),
                        description.id(),
                        client.devices().size(),
                        client.platformName(),
                        plugin.apiVersion());
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
        return new PjrtProgram(this, program, layout, executable(options.printer.apply(OneDevice.of(program))));
    }

    private synchronized PjrtLoadedExecutable executable(String module) {
        var compileOptions = CompileOptions.onDevice(description.id());
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

    @Override
    public Buffer upload(TensorType type, MemorySegment host) {
        var source = host.asSlice(0, type.byteSize());
        if (source.isNative() && source.byteSize() > 0) {
            return new PjrtValue(this, type, client.upload(type, source, accelerator));
        }
        try (var arena = Arena.ofConfined()) {
            var copy = arena.allocate(Math.max(1, type.byteSize()), 64);
            MemorySegment.copy(source, 0, copy, 0, type.byteSize());
            return new PjrtValue(this, type, client.upload(type, copy, accelerator));
        }
    }

    @Override
    public void close() {
        client.close();
    }
}
