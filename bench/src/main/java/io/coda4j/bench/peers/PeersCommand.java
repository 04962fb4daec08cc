package io.coda4j.bench.peers;

import io.coda4j.bench.Statistics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code coda bench peers}: this engine and others at the same work, taking turns. */
@Command(
        name = "peers",
        mixinStandardHelpOptions = true,
        description = {
            "Compares this engine with PyTorch (through DJL) and OpenBLAS on the same work with the same threads.",
            "Each engine runs in a process of its own; they take turns, and medians over all turns and restarts are",
            "printed with their ratios: above 1 this engine is faster. Results are compared before anything is timed.",
            "The libraries of the peers (130 MB) are fetched when first needed."
        },
        footer = {
            "",
            "Examples:",
            "  coda bench peers --what gemm --threads 1",
            "  coda bench peers --what step,elementwise --forks 3 --json"
        })
public final class PeersCommand implements Callable<Integer> {
    /** Differences that are rounding and not another result, relative to the largest element that is looked at. */
    private static final double TOLERANCE = 2e-3;

    @Spec
    private picocli.CommandLine.Model.CommandSpec spec;

    @Option(
            names = "--what",
            split = ",",
            paramLabel = "KIND",
            defaultValue = "gemm,frozen,attention,elementwise,step",
            description = "gemm, frozen (small batches against prepared weights), attention, elementwise, step.")
    private List<String> kinds = List.of();

    @Option(names = "--threads", paramLabel = "N", defaultValue = "1", description = "Threads of each engine (1).")
    private int threads = 1;

    @Option(names = "--turns", paramLabel = "N", defaultValue = "7", description = "Turns of each engine (7).")
    private int turns = 7;

    @Option(names = "--forks", paramLabel = "N", defaultValue = "1", description = "Restarts of all processes (1).")
    private int forks = 1;

    @Option(names = "--seconds", paramLabel = "S", defaultValue = "0.2", description = "Least length of a turn (0.2).")
    private double seconds = 0.2;

    @Option(names = "--json", description = "Print the rows as JSON.")
    private boolean json;

    /** One piece of work: seconds by engine, all turns of all forks. */
    private record Row(String kind, Work work, Map<String, List<Double>> seconds) {
        double median(String engine) {
            return Statistics.median(
                    seconds.get(engine).stream().mapToDouble(x -> x).toArray());
        }
    }

    @Override
    public Integer call() throws IOException {
        if (threads < 1 || turns < 1 || forks < 1 || !(seconds > 0)) {
            throw new ParameterException(spec.commandLine(), "threads, turns, forks and seconds must be positive");
        }
        var libraries = libraries();
        var rows = new LinkedHashMap<String, Row>();
        var descriptions = new ArrayList<String>();
        double peak = Machine.peak(threads);
        double bandwidth = Machine.bandwidth(threads);
        for (int fork = 0; fork < forks; fork++) {
            measure(libraries, rows, descriptions);
        }
        if (json) {
            printJson(rows, descriptions, peak, bandwidth);
        } else {
            print(rows, descriptions, peak, bandwidth);
        }
        return 0;
    }

    /** Beside this program's jar. */
    private Path libraries() {
        var jar = Path.of(System.getProperty("java.class.path")).toAbsolutePath();
        var folder = jar.resolveSibling("peers");
        if (!Files.isDirectory(folder)) {
            throw new ParameterException(
                    spec.commandLine(),
                    folder + ": the peers' libraries are not there; fetch them with"
                            + " ./mvnw -q -Ppeers -pl bench -am package -DskipTests");
        }
        return folder;
    }

    private void measure(Path libraries, Map<String, Row> rows, List<String> descriptions) throws IOException {
        try (var coda = EngineProcess.start("coda", threads, libraries);
                var torch = EngineProcess.start("torch", threads, libraries);
                var openBlas = EngineProcess.start("openblas", threads, libraries)) {
            var engines = List.of(coda, torch, openBlas);
            if (descriptions.isEmpty()) {
                engines.forEach(engine -> descriptions.add(engine.description()));
            }
            for (var kind : kinds) {
                var works = works(kind);
                for (int index = 0; index < works.size(); index++) {
                    var work = works.get(index);
                    var row = rows.computeIfAbsent(kind + index, _ -> new Row(kind, work, new LinkedHashMap<>()));
                    measure(row, index, engines);
                    System.err.printf(Locale.ROOT, "%s%n", line(row, 0, 0));
                }
            }
        }
    }

    private List<Work> works(String kind) {
        try {
            return Work.of(kind);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), "--what: " + e.getMessage());
        }
    }

    private void measure(Row row, int index, List<EngineProcess> engines) {
        var able = new ArrayList<EngineProcess>();
        double[] expected = null;
        for (var engine : engines) {
            var sample = engine.prepare(row.kind, index);
            if (sample.isPresent()) {
                able.add(engine);
                if (expected == null) {
                    expected = sample.get();
                } else {
                    requireEqual(row.work, engine.name(), expected, sample.get());
                }
            }
        }
        // The first turns warm up; a compiler needs more than one call.
        able.forEach(engine -> engine.run(Math.max(1.5, seconds)));
        for (int turn = 0; turn < turns; turn++) {
            for (var engine : able) {
                row.seconds
                        .computeIfAbsent(engine.name(), _ -> new ArrayList<>())
                        .add(engine.run(seconds));
            }
        }
    }

    private static void requireEqual(Work work, String engine, double[] expected, double[] got) {
        double largest = Arrays.stream(expected).map(Math::abs).max().orElse(0);
        for (int i = 0; i < expected.length; i++) {
            if (!(Math.abs(expected[i] - got[i]) <= TOLERANCE * largest)) {
                throw new IllegalStateException(work.name() + ": " + engine + " has another result than this engine: "
                        + Arrays.toString(got) + " instead of " + Arrays.toString(expected));
            }
        }
    }

    private void print(Map<String, Row> rows, List<String> descriptions, double peak, double bandwidth) {
        System.out.printf(
                Locale.ROOT,
                "%s, %d threads: peak %.1f GFLOP/s, reads %.1f GB/s%n",
                Machine.processor(),
                threads,
                peak,
                bandwidth);
        descriptions.forEach(System.out::println);
        System.out.printf(
                "%-44s %12s %12s %12s %9s %9s %7s%n",
                "work", "coda4j ms", "torch ms", "openblas ms", "/torch", "/openblas", "ceiling");
        rows.values().forEach(row -> System.out.println(line(row, peak, bandwidth)));
        for (var kind : kinds) {
            for (var peer : List.of("torch", "openblas")) {
                var ratios = rows.values().stream()
                        .filter(row -> row.kind.equals(kind) && row.seconds.containsKey(peer))
                        .mapToDouble(row -> row.median(peer) / row.median("coda"))
                        .toArray();
                if (ratios.length > 0) {
                    System.out.printf(
                            Locale.ROOT,
                            "%s: geometric mean %.2f of %s, least %.2f%n",
                            kind,
                            Statistics.geometricMean(ratios),
                            peer,
                            Arrays.stream(ratios).min().orElseThrow());
                }
            }
        }
    }

    private static String line(Row row, double peak, double bandwidth) {
        double coda = row.median("coda");
        double ceiling = row.work.flops() > 0
                ? row.work.flops() / coda * 1e-9 / peak
                : row.work.bytes() / coda * 1e-9 / bandwidth;
        return String.format(
                Locale.ROOT,
                "%-44s %12.3f %12s %12s %9s %9s %7s",
                row.kind + " " + row.work.name(),
                coda * 1e3,
                milliseconds(row, "torch"),
                milliseconds(row, "openblas"),
                ratio(row, "torch"),
                ratio(row, "openblas"),
                peak > 0 ? String.format(Locale.ROOT, "%.2f", ceiling) : "");
    }

    private static String milliseconds(Row row, String engine) {
        return row.seconds.containsKey(engine) ? String.format(Locale.ROOT, "%.3f", row.median(engine) * 1e3) : "-";
    }

    private static String ratio(Row row, String engine) {
        return row.seconds.containsKey(engine)
                ? String.format(Locale.ROOT, "%.2f", row.median(engine) / row.median("coda"))
                : "-";
    }

    private void printJson(Map<String, Row> rows, List<String> descriptions, double peak, double bandwidth) {
        var all = new ArrayList<Map<String, Object>>();
        for (var row : rows.values()) {
            var fields = new LinkedHashMap<String, Object>();
            fields.put("kind", row.kind);
            fields.put("work", row.work.name());
            fields.put("flops", row.work.flops());
            fields.put("bytes", row.work.bytes());
            fields.put("seconds", row.seconds);
            all.add(fields);
        }
        var report = new LinkedHashMap<String, Object>();
        report.put("processor", Machine.processor());
        report.put("threads", threads);
        report.put("peakGflops", peak);
        report.put("readGbPerSecond", bandwidth);
        report.put("engines", descriptions);
        report.put("rows", all);
        System.out.println(new JsonMapper().writerWithDefaultPrettyPrinter().writeValueAsString(report));
    }
}
