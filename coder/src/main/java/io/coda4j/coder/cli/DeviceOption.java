package io.coda4j.coder.cli;

import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Devices;
import picocli.CommandLine.Option;

/** The option that says where programs run. */
final class DeviceOption {
    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            defaultValue = "cpu",
            description = "Where to compute: cpu (all cores, the default), cpu:N (N threads), opencl:N, pjrt:tpu,"
                    + " pjrt:cuda, pjrt:/path/to/plugin.so, or another device that 'coda devices' lists.")
    private String name = "cpu";

    /** The name as given. */
    String name() {
        return name;
    }

    /** Opens the device. */
    Device open() {
        return name.equals("cpu") ? Devices.defaultDevice() : Devices.open(name);
    }
}
