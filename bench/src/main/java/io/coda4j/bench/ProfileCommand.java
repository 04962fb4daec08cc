package io.coda4j.bench;

import io.coda4j.coder.train.TrainStep;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.spi.Devices;
import java.util.Arrays;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code coda bench profile}: where a training step spends its time. */
@Command(
        name = "profile",
        mixinStandardHelpOptions = true,
        description = "Times a training step, and each kind of equation in it by itself.",
        footer = {"", "Example:", "  coda bench profile --model demo --device cpu:1"})
final class ProfileCommand implements Callable<Integer> {
    private static final int STEPS = 40;

    @Option(names = "--model", paramLabel = "NAME", defaultValue = "demo", description = "demo (default) or 12x768.")
    private String model = "demo";

    @Option(names = "--device", paramLabel = "NAME", defaultValue = "cpu", description = "Default: cpu.")
    private String deviceName = "cpu";

    @Option(names = "--lines", paramLabel = "N", defaultValue = "30", description = "Lines to print, default 30.")
    private int lines = 30;

    @Override
    public Integer call() {
        var workload = Workload.named(model);
        try (var device = Devices.open(deviceName);
                var _ = Scope.open();
                var program = workload.step().compile(device)) {
            var input = workload.input(device);
            var listing = program.program(input);
            var seconds = new double[STEPS];
            for (int i = 0; i < STEPS; i++) {
                long start = System.nanoTime();
                var output = program.apply(input);
                ((Array) output.loss()).item();
                seconds[i] = (System.nanoTime() - start) * 1e-9;
                input = new TrainStep.Input(output.state(), input.batch(), input.scalars());
            }
            double last = Statistics.median(Arrays.copyOfRange(seconds, STEPS / 2, STEPS));
            System.out.printf(
                    Locale.ROOT,
                    "%s on %s (%s): first step %.2f s, later ones %.1f ms, %.1fk tokens/s%n",
                    workload.name(),
                    device.name(),
                    device.description(),
                    seconds[0],
                    last * 1e3,
                    workload.tokens() / last / 1e3);
            ProgramProfile.print(ProgramProfile.of(listing, device), lines);
        }
        return 0;
    }
}
