package io.coda4j.coder.cli;

import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Tunable;
import io.coda4j.tensor.spi.Tunable.Trial;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code coda tune}: lets a device measure its kernels. */
@Command(
        name = "tune",
        mixinStandardHelpOptions = true,
        description = "Measures the kernels that a device can choose from, and remembers the best for all later runs.",
        footer = {"", "Example:", "  coda tune --device opencl:0"})
final class TuneCommand implements Callable<Integer> {
    @Mixin
    private DeviceOption device = new DeviceOption();

    @Override
    public Integer call() {
        var named = device.open();
        // The default device is not tunable and is never closed.
        if (!(named instanceof Tunable tunable)) {
            throw nothingToTune(named);
        }
        try (var opened = named) {
            System.out.println(opened.name() + ": " + opened.description());
            var best = tunable.tune(TuneCommand::print);
            System.out.println("remembered: " + best.what());
            return 0;
        }
    }

    private static UsageException nothingToTune(Device device) {
        return new UsageException(
                "device " + device.name() + " has nothing to tune; give one such as --device opencl:0");
    }

    private static void print(Trial trial) {
        System.out.println(
                trial.detail().isEmpty()
                        ? "%-20s %8.1f GFLOP/s".formatted(trial.what(), trial.gigaflops())
                        : "%-20s cannot be used: %s".formatted(trial.what(), trial.detail()));
    }
}
