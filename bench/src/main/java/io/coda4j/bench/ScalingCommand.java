package io.coda4j.bench;

import io.coda4j.coder.terminal.Budget;
import io.coda4j.coder.terminal.Progress;
import io.coda4j.coder.terminal.Terminal;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Devices;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code coda bench scaling}: what more threads do for a training step, in one process and in turns. */
@Command(
        name = "scaling",
        mixinStandardHelpOptions = true,
        description = {
            "Runs a training step on different numbers of threads in turns, and tells how much faster more threads are:",
            "the step, and beside it multiply-adds in registers, which is what the machine itself gives."
        },
        footer = {"", "Examples:", "  coda bench scaling --threads 1,2", "  coda bench scaling --model 12x768 --json"})
final class ScalingCommand implements Callable<Integer> {
    /** A turn lasts so long at least, unless one step takes longer. */
    private static final double TURN_SECONDS = 0.3;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Mixin
    private final WorkloadOptions options = new WorkloadOptions();

    @Option(
            names = "--threads",
            split = ",",
            paramLabel = "N",
            description =
                    "Numbers of threads, of which the first is what others are compared with; 1 and all processors"
                            + " if not given.")
    private List<Integer> threads = List.of();

    @Option(
            names = "--rounds",
            paramLabel = "N",
            defaultValue = "15",
            description = "Rounds that are timed, in each of which all take a turn (15).")
    private int rounds = 15;

    @Option(names = "--json", description = "Print a JSON object.")
    private boolean json;

    /**
     * What some threads do.
     *
     * @param threads their number
     * @param seconds of a step, the median
     * @param speedup median over the rounds of the seconds of the first number of threads, divided by those of this one
     * @param peak multiply-adds in registers, GFLOP/s, the median
     * @param peakSpeedup median over the rounds of that, divided by that of the first number of threads
     */
    record Row(int threads, double seconds, double speedup, double peak, double peakSpeedup) {}

    @Override
    public Integer call() {
        var numbers = numbers();
        var workload = options.workload();
        // First, because loops that are compiled again after other code has run are no ceiling.
        var peaks = peaks(numbers);
        var seconds = measure(workload, options.compute(), numbers);
        var rows = rows(numbers, seconds, peaks);
        if (json) {
            System.out.println(
                    new JsonMapper().writerWithDefaultPrettyPrinter().writeValueAsString(fields(workload, rows)));
        } else {
            print(workload, rows);
        }
        return 0;
    }

    private List<Integer> numbers() {
        if (rounds < 1) {
            throw new ParameterException(spec.commandLine(), "--rounds: at least 1 expected, got " + rounds);
        }
        threads.forEach(number -> Machine.requireProcessors(spec.commandLine(), number));
        return threads.isEmpty()
                ? IntStream.of(1, Runtime.getRuntime().availableProcessors())
                        .distinct()
                        .boxed()
                        .toList()
                : threads;
    }

    /** Multiply-adds in registers for each number of threads and each round, GFLOP/s. */
    private double[][] peaks(List<Integer> numbers) {
        var peaks = new double[numbers.size()][rounds];
        for (int round = 0; round < rounds; round++) {
            for (int i = 0; i < peaks.length; i++) {
                peaks[i][round] = Machine.peak(numbers.get(i));
            }
        }
        return peaks;
    }

    /** Seconds of a step for each number of threads and each round. */
    private double[][] measure(Workload workload, DType compute, List<Integer> numbers) {
        var devices = new ArrayList<Device>();
        try (var _ = Scope.open()) {
            for (int number : numbers) {
                devices.add(Devices.open("cpu:" + number, System.err::println));
            }
            return takeTurns(workload, compute, devices);
        } finally {
            devices.forEach(Device::close);
        }
    }

    private double[][] takeTurns(Workload workload, DType compute, List<Device> devices) {
        var runs = new ArrayList<TrainingRun>();
        try (var progress = Progress.start(Terminal.of(System.err), workload.name(), new Budget.Steps(rounds))) {
            devices.forEach(device -> runs.add(new TrainingRun(workload, device, compute)));
            progress.println("compiling and warming up");
            TrainingRun.warmUp(runs);
            var seconds = new double[runs.size()][rounds];
            for (int round = 0; round < rounds; round++) {
                for (int i = 0; i < runs.size(); i++) {
                    // Every other round in the opposite order: a machine that gets slower meanwhile slows both alike.
                    int turn = round % 2 == 0 ? i : runs.size() - 1 - i;
                    seconds[turn][round] = turn(runs.get(turn));
                }
                progress.update(round + 1, "rounds");
            }
            return seconds;
        } finally {
            runs.forEach(TrainingRun::close);
        }
    }

    /** Mean seconds of a step, without the first where there are others: it finds caches full of another run's data. */
    private static double turn(TrainingRun run) {
        double first = run.step();
        if (first >= TURN_SECONDS) {
            return first;
        }
        double sum = 0;
        int steps = 0;
        for (; sum < TURN_SECONDS; steps++) {
            sum += run.step();
        }
        return sum / steps;
    }

    /** The rows of a report about the seconds and the peaks of each number of threads and each round. */
    static List<Row> rows(List<Integer> numbers, double[][] seconds, double[][] peaks) {
        return IntStream.range(0, numbers.size())
                .mapToObj(i -> new Row(
                        numbers.get(i),
                        Statistics.median(seconds[i]),
                        medianRatio(seconds[0], seconds[i]),
                        Statistics.median(peaks[i]),
                        medianRatio(peaks[i], peaks[0])))
                .toList();
    }

    private static double medianRatio(double[] values, double[] others) {
        return Statistics.median(IntStream.range(0, values.length)
                .mapToDouble(round -> values[round] / others[round])
                .toArray());
    }

    private void print(Workload workload, List<Row> rows) {
        System.out.printf("%s, %s, on %s%n", workload.name(), options.compute(), Machine.processor());
        System.out.printf("%7s %10s %8s %18s %8s%n", "threads", "step ms", "speedup", "registers GFLOP/s", "speedup");
        for (var row : rows) {
            System.out.printf(
                    Locale.ROOT,
                    "%7d %10.1f %8.2f %18.1f %8.2f%n",
                    row.threads,
                    row.seconds * 1e3,
                    row.speedup,
                    row.peak,
                    row.peakSpeedup);
        }
    }

    private Map<String, Object> fields(Workload workload, List<Row> rows) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("workload", workload.name());
        fields.put("dtype", options.compute().toString());
        fields.put("processor", Machine.processor());
        fields.put("rounds", rounds);
        fields.put("rows", rows);
        return fields;
    }
}
