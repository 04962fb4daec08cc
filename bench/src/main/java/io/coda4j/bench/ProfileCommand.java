package io.coda4j.bench;

import com.sun.management.ThreadMXBean;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Devices;
import io.coda4j.tensor.spi.KernelClock;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code coda bench profile}: where a training step spends its time. */
@Command(
        name = "profile",
        mixinStandardHelpOptions = true,
        description = {
            "Times a training step, the first and then warm ones, and where it spends its time: kernel by kernel during the",
            "step itself where the device has a clock (opencl), else each kind of equation by itself."
        },
        footer = {
            "",
            "Examples:",
            "  coda bench profile --model demo --device cpu:1",
            "  coda bench profile --device opencl --json"
        })
final class ProfileCommand implements Callable<Integer> {
    /** Steps that are timed once the first ones are over: as many as {@link #PATIENCE} allows. */
    private static final int LEAST_STEPS = 3;

    private static final int MOST_STEPS = 40;
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    /** Steps that a device's clock measures. */
    private static final int TIMED = 5;

    @Mixin
    private final WorkloadOptions options = new WorkloadOptions();

    @Option(
            names = "--device",
            paramLabel = "NAME",
            defaultValue = "cpu",
            description = "cpu (the default), another device that 'coda devices' lists, or auto.")
    private String deviceName = "cpu";

    @Option(names = "--lines", paramLabel = "N", defaultValue = "30", description = "Lines to print, default 30.")
    private int lines = 30;

    @Option(
            names = "--equations",
            description = "Time each kind of equation by itself, also where the device has a clock.")
    private boolean equations;

    @Option(names = "--json", description = "Print a JSON object.")
    private boolean json;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    /** Seconds of the first step and of a warm one, the least a warm one allocated, and where the seconds went. */
    private record Result(
            double first,
            double warm,
            long allocatedBytes,
            Optional<KernelTable> kernels,
            List<ProgramProfile.Line> lines) {}

    @Override
    public Integer call() {
        if (lines < 0) {
            throw new ParameterException(spec.commandLine(), "--lines: at least 0 expected, got " + lines);
        }
        var workload = options.workload();
        var device = Devices.open(deviceName, System.err::println);
        try (var _ = Scope.open()) {
            var result = measure(workload, device);
            if (json) {
                System.out.println(new JsonMapper()
                        .writerWithDefaultPrettyPrinter()
                        .writeValueAsString(fields(workload, device, result)));
            } else {
                print(workload, device, result);
            }
        } finally {
            if (device != Devices.defaultDevice()) {
                device.close();
            }
        }
        return 0;
    }

    private Result measure(Workload workload, Device device) {
        try (var run = new TrainingRun(workload, device, options.compute())) {
            var listing = run.listing();
            double first = run.step();
            TrainingRun.warmUp(List.of(run));
            var seconds = new ArrayList<Double>();
            long end = System.nanoTime() + PATIENCE.toNanos();
            long allocated = Long.MAX_VALUE;
            var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            while (seconds.size() < LEAST_STEPS || seconds.size() < MOST_STEPS && System.nanoTime() < end) {
                long before = threads.getTotalThreadAllocatedBytes();
                seconds.add(run.step());
                allocated = Math.min(allocated, threads.getTotalThreadAllocatedBytes() - before);
            }
            double warm = Statistics.median(
                    seconds.stream().mapToDouble(Double::doubleValue).toArray());
            return device instanceof KernelClock clock && !equations
                    ? new Result(first, warm, allocated, Optional.of(kernels(clock, run)), List.of())
                    : new Result(first, warm, allocated, Optional.empty(), ProgramProfile.of(listing, device));
        }
    }

    private static KernelTable kernels(KernelClock clock, TrainingRun run) {
        var lines = clock.measure(() -> {
            for (int i = 0; i < TIMED; i++) {
                run.step();
            }
        });
        return new KernelTable(lines, TIMED);
    }

    private void print(Workload workload, Device device, Result result) {
        System.out.printf(
                Locale.ROOT,
                "%s, %s, on %s (%s): first step %.2f s, warm ones %.1f ms, %.1fk tokens/s, %,d bytes of heap%n",
                workload.name(),
                options.compute(),
                device.name(),
                device.description(),
                result.first,
                result.warm * 1e3,
                workload.tokens() / result.warm / 1e3,
                result.allocatedBytes);
        result.kernels.ifPresentOrElse(table -> table.print(lines), () -> ProgramProfile.print(result.lines, lines));
    }

    private Map<String, Object> fields(Workload workload, Device device, Result result) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("workload", workload.name());
        fields.put("dtype", options.compute().toString());
        fields.put("device", device.name());
        fields.put("description", device.description());
        fields.put("firstStepMillis", result.first * 1e3);
        fields.put("stepMillis", result.warm * 1e3);
        fields.put("allocatedBytesPerStep", result.allocatedBytes);
        fields.put("tokensPerSecond", workload.tokens() / result.warm);
        result.kernels.ifPresentOrElse(
                table -> fields.put("kernels", table.fields()), () -> fields.put("equations", result.lines));
        return fields;
    }
}
