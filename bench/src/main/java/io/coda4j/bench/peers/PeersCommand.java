package io.coda4j.bench.peers;

import io.coda4j.bench.Machine;
import io.coda4j.bench.MeasurementException;
import io.coda4j.bench.TrainingRun;
import io.coda4j.coder.tokenizer.BpeTokenizer;
import io.coda4j.coder.tokenizer.TokenizerException;
import io.coda4j.coder.tokenizer.TokenizerJson;
import io.coda4j.tensor.DeviceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code coda bench peers}: this engine and others at the same work, taking turns. */
@Command(
        name = "peers",
        mixinStandardHelpOptions = true,
        description = {
            "Compares this engine with PyTorch (through DJL), OpenBLAS and Hugging Face's tokenizers on the same work",
            "with the same threads. OpenBLAS is bytedeco's build and, where the system has one, the system's.",
            "Each engine runs in a process of its own; they take turns, and medians over all turns and restarts are",
            "printed with their ratios: above 1 this engine is faster. Results are compared before anything is timed.",
            "With --device this engine computes elsewhere, the peers still on the processor.",
            "The libraries of the peers (150 MB) are fetched when first needed."
        },
        footer = {
            "",
            "Examples:",
            "  coda bench peers --what gemm --threads 1",
            "  coda bench peers --what gemm --dtype bf16 --json",
            "  coda bench peers --what gemm --dtype int8 --only '1 x '",
            "  coda bench peers --what step --only 12x768 --turns 3",
            "  coda bench peers --what step --dtype bf16 --only 12x768 --turns 3",
            "  coda bench peers --what denoise --layers 4 --turns 3 --threads 2",
            "  coda bench peers --what denoise --dtype int8 --layers 4 --only window",
            "  coda bench peers --what encode --text src",
            "  coda bench peers --what gemm --device opencl --threads 2",
            "  coda bench peers --what step,elementwise --forks 3 --json"
        })
public final class PeersCommand implements Callable<Integer> {
    private static final String CPU = "cpu";

    /** Seconds of work, its result being compared, after which an engine is warm. */
    private static final double WARM_SECONDS = 20;

    /** Seconds that an engine else works before its first turn, but for training steps: one call is not enough for a compiler. */
    private static final double WARM_UP = 1.5;

    /** Longer than OpenBLAS and OpenMP let idle threads spin. */
    private static final long REST_MILLIS = 300;

    @Spec
    private CommandSpec spec = CommandSpec.create();

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

    /** The element types of {@code --dtype}. */
    private enum Dtype {
        F32,
        BF16,
        INT8
    }

    @Option(
            names = "--dtype",
            paramLabel = "T",
            defaultValue = "f32",
            description = {
                "gemm: element type of the operands: f32 (the default), bf16 with F32 sums and prepared weights, or int8"
                        + " (prepared weights with a scale for each row, activations rounded row by row; compared with"
                        + " the same product here in F32 and with BF16 weights (and activations, where the processor has"
                        + " instructions for it), and in PyTorch).",
                "step: what passes compute in: f32, or bf16 over weights and moments in F32, as in 'coda train --precision',"
                        + " compared with PyTorch's autocast.",
                "denoise: what products with the model's matrices are made of, as in 'coda generate --precision', and what"
                        + " PyTorch computes in: with f32 all in F32, with bf16 all in BF16, which takes it minutes for a"
                        + " pass on a processor without instructions for that (--layers 1 --turns 1); int8, of weights"
                        + " quantised first, is compared with f32 and bf16 here."
            })
    private Dtype dtype = Dtype.F32;

    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            defaultValue = "cpu",
            description = "Where this engine computes: cpu (the default), another device that 'coda devices' lists, or"
                    + " auto. encode has no device.")
    private String device = CPU;

    @Option(
            names = "--threads",
            paramLabel = "N",
            defaultValue = "1",
            description = "Threads of each engine that computes on the processor (1); OpenCL drivers take all.")
    private int threads = 1;

    @Option(names = "--turns", paramLabel = "N", defaultValue = "7", description = "Turns of each engine (7).")
    private int turns = 7;

    @Option(names = "--forks", paramLabel = "N", defaultValue = "1", description = "Restarts of all processes (1).")
    private int forks = 1;

    @Option(names = "--seconds", paramLabel = "S", defaultValue = "0.2", description = "Least length of a turn (0.2).")
    private double seconds = 0.2;

    @Option(
            names = "--warm",
            paramLabel = "S",
            description = "Seconds that each engine works before its first turn (1.5; training steps 15).")
    private @Nullable Double warm;

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

    @Override
    public Integer call() throws IOException {
        if (threads < 1 || turns < 1 || forks < 1 || !(seconds > 0)) {
            throw new ParameterException(spec.commandLine(), "threads, turns, forks and seconds must be positive");
        }
        Machine.requireProcessors(spec.commandLine(), threads);
        if (warm != null && !(warm >= 0)) {
            throw new ParameterException(
                    spec.commandLine(), "--warm must be a number of seconds from 0 on, got " + warm);
        }
        if (dtype != Dtype.F32) {
            // Nothing is trained in INT8.
            var typed = dtype == Dtype.BF16 ? List.of("gemm", Work.DENOISE, Work.STEP) : List.of("gemm", Work.DENOISE);
            if (!typed.containsAll(kinds)) {
                throw new ParameterException(
                        spec.commandLine(),
                        "--dtype " + suffix() + " needs --what " + String.join(" or ", typed) + ", got "
                                + String.join(",", kinds));
            }
            kinds = kinds.stream().map(kind -> kind + "-" + suffix()).toList();
        }
        if (layers < 1 || layers > CodaModels.LAYERS) {
            throw new ParameterException(
                    spec.commandLine(), "--layers must be from 1 to " + CodaModels.LAYERS + ", got " + layers);
        }
        if (text != null && !Files.isDirectory(text)) {
            throw new ParameterException(
                    spec.commandLine(), "--text: " + text + " is not a folder; expected one with sources");
        }
        if (kinds.contains("encode") && !device.equals(CPU)) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--what encode: a tokenizer runs on the processor and on no device, got --device " + device
                            + "; leave one of the two out");
        }
        var libraries = libraries();
        var rows = new LinkedHashMap<String, PeersReport.Row>();
        var descriptions = new ArrayList<String>();
        try (var folder = new TemporaryFolder("coda-bench")) {
            var material = material(folder.path());
            requireWork(material);
            tryDevice(libraries);
            double peak = Machine.peak(threads);
            double bandwidth = Machine.bandwidth(threads);
            for (int fork = 0; fork < forks && !kinds.isEmpty(); fork++) {
                measure(libraries, material, rows, descriptions);
            }
            var report = new PeersReport(List.copyOf(rows.values()), descriptions, device, threads, peak, bandwidth);
            System.out.println(json ? report.json() : report.table());
        }
        return 0;
    }

    private String suffix() {
        return dtype.name().toLowerCase(Locale.ROOT);
    }

    /** Finds out whether the device works before anything takes time. */
    private void tryDevice(Path libraries) throws IOException {
        if (!device.equals(CPU)) {
            try (var engine = EngineProcess.start("coda", threads, device, libraries, Material.NONE)) {
                engine.notes().forEach(System.err::println);
            }
        }
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
                folder.resolve("model-int8"),
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
        if (kinds.stream().anyMatch(kind -> kind.startsWith(Work.DENOISE))) {
            System.err.println("writing random weights of " + layers + " layers");
            CodaModels.write(layers, material.model());
        }
        if (kinds.contains(Work.DENOISE_INT8)) {
            System.err.println("quantising them");
            CodaModels.quantize(material.model(), material.int8Model());
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

    private void measure(
            Path libraries, Material material, Map<String, PeersReport.Row> rows, List<String> descriptions)
            throws IOException {
        var engines = new ArrayList<EngineProcess>();
        try {
            engines.add(EngineProcess.start("coda", threads, device, libraries, material));
            for (var peer : PeersReport.PEERS) {
                if (kinds.stream().anyMatch(kind -> knows(peer, kind))) {
                    startPeer(peer, libraries, material, descriptions.isEmpty()).ifPresent(engines::add);
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

    /** Empty, and why is said if {@code tells}, for a peer that this machine lacks and that nothing depends on. */
    private Optional<EngineProcess> startPeer(String peer, Path libraries, Material material, boolean tells)
            throws IOException {
        try {
            return Optional.of(EngineProcess.start(peer, threads, device, libraries, material));
        } catch (DeviceException e) {
            if (!peer.equals(PeersReport.SYSTEM_OPENBLAS)) {
                throw e;
            }
            if (tells) {
                System.err.println("skipped: " + peer + ": " + e.getMessage());
            }
            return Optional.empty();
        }
    }

    /** Whether an engine is worth starting for a kind of work; which pieces it can do, it says itself. */
    private static boolean knows(String peer, String kind) {
        return switch (kind) {
            case "encode" -> peer.equals("tokenizers");
            case Work.GEMM_INT8 -> peer.equals("torch") || peer.startsWith("coda-");
            case Work.DENOISE_INT8 -> peer.startsWith("coda-");
            case "gemm", "frozen" ->
                List.of("torch", "openblas", PeersReport.SYSTEM_OPENBLAS).contains(peer);
            default -> peer.equals("torch");
        };
    }

    private void measure(
            String kind, List<Work> works, List<EngineProcess> engines, Map<String, PeersReport.Row> rows) {
        for (int index = 0; index < works.size(); index++) {
            var work = works.get(index);
            if (work.name().contains(only)) {
                var row =
                        rows.computeIfAbsent(kind + index, _ -> new PeersReport.Row(kind, work, new LinkedHashMap<>()));
                measure(row, index, engines);
                System.err.println(row);
            }
        }
    }

    /** Before hours of other work, whose figures would be lost with a name that is not known. */
    private void requireWork(Material material) {
        var names = kinds.stream()
                .flatMap(kind -> works(kind, material).stream())
                .map(Work::name)
                .toList();
        if (!kinds.isEmpty() && names.stream().noneMatch(name -> name.contains(only))) {
            throw new ParameterException(
                    spec.commandLine(),
                    "--only: no work has '" + only + "' in its name; there are " + String.join(", ", names));
        }
    }

    private List<Work> works(String kind, Material material) {
        try {
            return Work.of(kind, material);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), "--what: " + e.getMessage());
        }
    }

    private void measure(PeersReport.Row row, int index, List<EngineProcess> engines) {
        var able = new ArrayList<EngineProcess>();
        var cold = new ArrayList<EngineProcess>();
        double[] expected = null;
        for (var engine : engines) {
            long began = System.nanoTime();
            var sample = engine.prepare(row.kind(), index);
            if (sample.isPresent()) {
                able.add(engine);
                if ((System.nanoTime() - began) * 1e-9 < WARM_SECONDS) {
                    cold.add(engine);
                }
                if (expected == null) {
                    expected = sample.get();
                } else {
                    requireEqual(row.work(), engine.name(), expected, sample.get());
                }
            }
        }
        double warmUp = warmUp(row.kind());
        if (warmUp > 0) {
            cold.forEach(engine -> engine.run(warmUp));
        }
        for (int turn = 0; turn < turns; turn++) {
            for (var engine : able) {
                if (able.size() > 1) {
                    rest();
                }
                row.seconds()
                        .computeIfAbsent(engine.name(), _ -> new ArrayList<>())
                        .add(engine.run(seconds));
            }
        }
    }

    private double warmUp(String kind) {
        if (warm != null) {
            return warm;
        }
        return kind.startsWith(Work.STEP) ? TrainingRun.WARM_UP.toSeconds() : WARM_UP;
    }

    /** Lets the engine that had its turn come to rest: threads of OpenMP and OpenBLAS go on waiting for work on their processors. */
    private static void rest() {
        try {
            Thread.sleep(REST_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new MeasurementException("interrupted between two turns");
        }
    }

    private static void requireEqual(Work work, String engine, double[] expected, double[] got) {
        double largest = Arrays.stream(expected).map(Math::abs).max().orElse(0);
        if (expected.length != got.length) {
            throw new MeasurementException(work.name() + ": " + engine + " has another result than this engine: "
                    + got.length + " values instead of " + expected.length);
        }
        for (int i = 0; i < expected.length; i++) {
            if (!(Math.abs(expected[i] - got[i]) <= work.tolerance() * largest)) {
                throw new MeasurementException(work.name() + ": " + engine + " has another result than this engine: "
                        + got[i] + " instead of " + expected[i] + " at " + i + " of " + expected.length);
            }
        }
    }
}
