package io.coda4j.bench.peers;

import io.coda4j.bench.Statistics;
import io.coda4j.coder.tokenizer.BpeTokenizer;
import io.coda4j.coder.tokenizer.TokenizerException;
import io.coda4j.coder.tokenizer.TokenizerJson;
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
import org.jspecify.annotations.Nullable;
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
            "Compares this engine with PyTorch (through DJL), OpenBLAS and Hugging Face's tokenizers on the same work",
            "with the same threads.",
            "Each engine runs in a process of its own; they take turns, and medians over all turns and restarts are",
            "printed with their ratios: above 1 this engine is faster. Results are compared before anything is timed.",
            "The libraries of the peers (150 MB) are fetched when first needed."
        },
        footer = {
            "",
            "Examples:",
            "  coda bench peers --what gemm --threads 1",
            "  coda bench peers --what step --only 12x768 --turns 3",
            "  coda bench peers --what denoise --layers 4 --turns 3 --threads 2",
            "  coda bench peers --what encode --text src",
            "  coda bench peers --what step,elementwise --forks 3 --json"
        })
public final class PeersCommand implements Callable<Integer> {
    /** The engines besides this one, in the order of the table. */
    private static final List<String> PEERS = List.of("torch", "openblas", "tokenizers");

    @Spec
    private picocli.CommandLine.Model.CommandSpec spec;

    @Option(
            names = "--what",
            split = ",",
            paramLabel = "KIND",
            defaultValue = "gemm,frozen,attention,elementwise,step",
            description = {
                "gemm, frozen (small batches against prepared weights), attention, elementwise, step (training), denoise"
                        + " (passes and exact decoding at the dimensions of CoDA 1.7B with random weights, against F32"
                        + " and the plain loop in PyTorch; takes minutes), encode (the tokenizer over source texts).",
                "All but the last two if not given."
            })
    private List<String> kinds = List.of();

    @Option(names = "--threads", paramLabel = "N", defaultValue = "1", description = "Threads of each engine (1).")
    private int threads = 1;

    @Option(names = "--turns", paramLabel = "N", defaultValue = "7", description = "Turns of each engine (7).")
    private int turns = 7;

    @Option(names = "--forks", paramLabel = "N", defaultValue = "1", description = "Restarts of all processes (1).")
    private int forks = 1;

    @Option(names = "--seconds", paramLabel = "S", defaultValue = "0.2", description = "Least length of a turn (0.2).")
    private double seconds = 0.2;

    @Option(
            names = "--only",
            paramLabel = "TEXT",
            defaultValue = "",
            description = "Only work whose name contains this.")
    private String only = "";

    @Option(
            names = "--layers",
            paramLabel = "N",
            defaultValue = "4",
            description = "denoise: layers of the model (4); CoDA 1.7B has 28, which take 20 GB.")
    private int layers = 4;

    @Option(
            names = "--tokenizer",
            paramLabel = "DIR",
            description = "encode: folder of a tokenizer (that of CoDA in shared/data beside the checkout or under"
                    + " CODA_SHARED).")
    private @Nullable Path tokenizer;

    @Option(
            names = "--text",
            paramLabel = "DIR",
            description = "encode: folder of Java or Python sources (the checkout).")
    private @Nullable Path text;

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
        if (threads < 1 || turns < 1 || forks < 1 || layers < 1 || !(seconds > 0)) {
            throw new ParameterException(
                    spec.commandLine(), "threads, turns, forks, layers and seconds must be positive");
        }
        var libraries = libraries();
        var rows = new LinkedHashMap<String, Row>();
        var descriptions = new ArrayList<String>();
        double peak = Machine.peak(threads);
        double bandwidth = Machine.bandwidth(threads);
        try (var folder = new TemporaryFolder("coda-bench")) {
            var material = material(folder.path());
            for (int fork = 0; fork < forks && !kinds.isEmpty(); fork++) {
                measure(libraries, material, rows, descriptions);
            }
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
        var folder = jar().resolveSibling("peers");
        if (!Files.isDirectory(folder)) {
            throw new ParameterException(
                    spec.commandLine(),
                    folder + ": the peers' libraries are not there; fetch them with"
                            + " ./mvnw -q -Ppeers -pl bench -am package -DskipTests");
        }
        return folder;
    }

    private static Path jar() {
        return Path.of(System.getProperty("java.class.path")).toAbsolutePath();
    }

    /** The folder that holds bench/target with this program's jar. */
    private static Path checkout() {
        return jar().resolve("../../..").normalize();
    }

    /** Makes what the chosen kinds need; those that cannot have it are left out, and why is said. */
    private Material material(Path folder) {
        var material = new Material(
                layers,
                folder.resolve("model"),
                folder.resolve("tokenizer.json"),
                text == null ? checkout() : text.toAbsolutePath());
        if (kinds.contains("encode")) {
            var source = tokenizer == null ? sharedTokenizer() : tokenizer;
            if (tokenizer == null && !Files.isDirectory(source)) {
                System.err.println(
                        "skipped: encode: " + source + " is not there; name a tokenizer with --tokenizer DIR");
                kinds = kinds.stream().filter(kind -> !kind.equals("encode")).toList();
            } else {
                TokenizerJson.write(readTokenizer(source), material.tokenizer());
            }
        }
        if (kinds.contains("denoise")) {
            System.err.println("writing random weights of " + layers + " layers");
            CodaModels.write(layers, material.model());
        }
        return material;
    }

    private static Path sharedTokenizer() {
        var named = System.getenv("CODA_SHARED");
        var shared = named == null ? checkout().resolveSibling("shared") : Path.of(named);
        return shared.resolve("data/tokenizer/coda");
    }

    private BpeTokenizer readTokenizer(Path folder) {
        try {
            return TokenizerJson.read(folder);
        } catch (TokenizerException e) {
            throw new ParameterException(spec.commandLine(), "--tokenizer: " + e.getMessage());
        }
    }

    private void measure(Path libraries, Material material, Map<String, Row> rows, List<String> descriptions)
            throws IOException {
        var engines = new ArrayList<EngineProcess>();
        try {
            engines.add(EngineProcess.start("coda", threads, libraries, material));
            for (var peer : PEERS) {
                if (kinds.stream().anyMatch(kind -> knows(peer, kind))) {
                    engines.add(EngineProcess.start(peer, threads, libraries, material));
                }
            }
            if (descriptions.isEmpty()) {
                engines.forEach(engine -> descriptions.add(engine.description()));
            }
            for (var kind : kinds) {
                measure(kind, works(kind, material), engines, rows);
            }
        } finally {
            engines.forEach(EngineProcess::close);
        }
    }

    /** Whether an engine is worth starting for a kind of work; which pieces it can do, it says itself. */
    private static boolean knows(String peer, String kind) {
        return switch (kind) {
            case "encode" -> peer.equals("tokenizers");
            case "gemm", "frozen" -> !peer.equals("tokenizers");
            default -> peer.equals("torch");
        };
    }

    private void measure(String kind, List<Work> works, List<EngineProcess> engines, Map<String, Row> rows) {
        for (int index = 0; index < works.size(); index++) {
            var work = works.get(index);
            if (work.name().contains(only)) {
                var row = rows.computeIfAbsent(kind + index, _ -> new Row(kind, work, new LinkedHashMap<>()));
                measure(row, index, engines);
                System.err.println(line(row, 0, 0));
            }
        }
    }

    private List<Work> works(String kind, Material material) {
        try {
            return Work.of(kind, material);
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
        if (expected.length != got.length) {
            throw new IllegalStateException(work.name() + ": " + engine + " has another result than this engine: "
                    + got.length + " values instead of " + expected.length);
        }
        for (int i = 0; i < expected.length; i++) {
            if (!(Math.abs(expected[i] - got[i]) <= work.tolerance() * largest)) {
                throw new IllegalStateException(work.name() + ": " + engine + " has another result than this engine: "
                        + got[i] + " instead of " + expected[i] + " at " + i + " of " + expected.length);
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
        System.out.println(header());
        rows.values().forEach(row -> System.out.println(line(row, peak, bandwidth)));
        for (var kind : kinds) {
            for (var peer : PEERS) {
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

    /** The peers that know one of the kinds. */
    private List<String> columns() {
        return PEERS.stream()
                .filter(peer -> kinds.stream().anyMatch(kind -> knows(peer, kind)))
                .toList();
    }

    private String header() {
        var line = new StringBuilder("%-48s %12s".formatted("work", "coda4j ms"));
        columns().forEach(peer -> line.append(" %13s".formatted(peer + " ms")));
        columns().forEach(peer -> line.append(" %11s".formatted("/" + peer)));
        return line.append(" %7s".formatted("ceiling")).toString();
    }

    private String line(Row row, double peak, double bandwidth) {
        var line = new StringBuilder(
                String.format(Locale.ROOT, "%-48s %12.3f", row.kind + " " + row.work.name(), row.median("coda") * 1e3));
        columns().forEach(peer -> line.append(" %13s".formatted(milliseconds(row, peer))));
        columns().forEach(peer -> line.append(" %11s".formatted(ratio(row, peer))));
        return line.append(" %7s".formatted(peak > 0 ? ceiling(row, peak, bandwidth) : ""))
                .toString();
    }

    /** The share of what the machine could do at most; of a text its speed. */
    private static String ceiling(Row row, double peak, double bandwidth) {
        double coda = row.median("coda");
        if (row.work instanceof Work.Encode encode) {
            return String.format(Locale.ROOT, "%.1f MB/s", encode.bytes() / coda * 1e-6);
        }
        return String.format(
                Locale.ROOT,
                "%.2f",
                row.work.flops() > 0
                        ? row.work.flops() / coda * 1e-9 / peak
                        : row.work.bytes() / coda * 1e-9 / bandwidth);
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
            fields.put("ratios", ratios(row));
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

    /** This engine's throughput over each peer's. */
    private static Map<String, Double> ratios(Row row) {
        var ratios = new LinkedHashMap<String, Double>();
        PEERS.stream()
                .filter(row.seconds::containsKey)
                .forEach(peer -> ratios.put(peer, row.median(peer) / row.median("coda")));
        return ratios;
    }
}
