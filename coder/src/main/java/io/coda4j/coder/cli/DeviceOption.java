package io.coda4j.coder.cli;

import io.coda4j.tensor.DeviceMemoryException;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.DeviceChoice;
import io.coda4j.tensor.spi.Devices;
import io.coda4j.tensor.spi.Mesh;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option that says where programs run. */
final class DeviceOption {
    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            description = "Where to compute: cpu (all cores, the default), cpu:N (N threads), opencl:N, pjrt:tpu,"
                    + " pjrt:cuda, pjrt:/path/to/plugin.so, another device that 'coda devices' lists, or auto (the"
                    + " best that works, of pjrt, a GPU through opencl, and cpu).")
    private @Nullable String name;

    private final Supplier<DeviceChoice> choices;

    /** The option of a command. */
    DeviceOption() {
        this.choices = DeviceChoice::amongInstalled;
    }

    /** The option {@code auto} where {@code choices} say what there is. */
    DeviceOption(Supplier<DeviceChoice> choices) {
        this.choices = choices;
        this.name = DeviceChoice.NAME;
    }

    /** Whether there was the option. */
    boolean isGiven() {
        return name != null;
    }

    /** The name as given. */
    String name() {
        return name == null ? "cpu" : name;
    }

    /** Opens the device; what {@code auto} chose is told on the error stream. */
    Device open() {
        return Devices.open(name(), System.err::println);
    }

    /**
     * Opens the device and gives it to {@code use}, which is called again with the next best where {@code auto} chose a
     * device that has too little memory; a device that was named is never replaced.
     */
    <T> T open(Function<Device, T> use) {
        return open(Optional.empty(), use);
    }

    /** As {@link #open(Function)}, with the devices of a mesh as one if there is one. */
    <T> T open(Optional<Mesh> mesh, Function<Device, T> use) {
        if (mesh.isPresent()) {
            return use.apply(Devices.open(name(), mesh.get()));
        }
        if (!name().equals(DeviceChoice.NAME)) {
            return use.apply(open());
        }
        var choice = choices.get();
        while (true) {
            var device = choice.next();
            System.err.println(choice.line(device));
            try {
                return use.apply(device);
            } catch (DeviceMemoryException e) {
                choice.passOver(device.name(), String.valueOf(e.getMessage()));
                device.close();
            }
        }
    }
}
