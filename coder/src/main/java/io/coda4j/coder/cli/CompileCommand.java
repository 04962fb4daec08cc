package io.coda4j.coder.cli;

import io.coda4j.coder.aot.Roofline;
import io.coda4j.coder.aot.StepProgram;
import io.coda4j.coder.files.AtomicFile;
import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.ModelPreset;
import io.coda4j.nn.Adafactor;
import io.coda4j.nn.AdamW;
import io.coda4j.nn.ModelSharding;
import io.coda4j.nn.Optimizer;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.MatrixProducts;
import io.coda4j.tensor.ShardingException;
import io.coda4j.tensor.ShardingPlan.Rule;
import io.coda4j.tensor.spi.AheadOfTime;
import io.coda4j.tensor.spi.Collective;
import io.coda4j.tensor.spi.Compilation;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.spi.Topology;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** {@code coda compile}: compiles a step for TPUs that need not be here, and says what a run would need. */
@Command(
        name = "compile",
        mixinStandardHelpOptions = true,
        description = {
            "Compiles one step of training or generation for a slice of TPUs, on any machine, with the compiler that TPUs"
                    + " come with (pip install libtpu): memory on each device, work, what devices exchange, and the"
                    + " least time of a step. No weights are needed."
        },
        footer = {
            "",
            "Exit codes:",
            "  0   the program was compiled and fits",
            "  1   it does not fit the memory of a device",
            "  2   the arguments are wrong, there is no compiler, or it refuses the program",
            "",
            "Examples:",
            "  coda compile --program train-step --config tiny --topology v5e:2x2 --mesh fsdp=4 --batch 4 --length 128",
            "  coda compile --program train-step --config coda-1.7b --topology v5:4x4x4 --mesh fsdp=64 --batch 64"
                    + " --length 8192 --remat block",
            "  coda compile --program denoise-step --config coda-1.7b --topology v5e:2x2 --mesh fsdp=4 --batch 4"
                    + " --length 1024 --emit denoise.mlir"
        })
final class CompileCommand implements Callable<Integer> {
    private static final String TINY = "tiny";
    private static final String CODA = "coda-1.7b";
    private static final int DOES_NOT_FIT = 1;
    private static final String PREFIXES = " kMGTPE";

    /** Positions of a row whose logits a denoise step computes. */
    private static final int POSITIONS = 64;

    private enum Step {
        TRAIN_STEP("train-step"),
        DENOISE_STEP("denoise-step");

        private final String word;

        Step(String word) {
            this.word = word;
        }

        @Override
        public String toString() {
            return word;
        }
    }

    private enum Remat {
        BLOCK,
        NONE
    }

    private enum Layers {
        UNROLLED,
        SCAN
    }

    private enum Dtype {
        BF16(DType.BF16, DType.BF16),
        MIXED(DType.F32, DType.BF16),
        F32(DType.F32, DType.F32);

        private final DType weights;
        private final DType compute;

        Dtype(DType weights, DType compute) {
            this.weights = weights;
            this.compute = compute;
        }
    }

    private enum Moments {
        ADAMW,
        ADAFACTOR
    }

    @Option(
            names = "--program",
            required = true,
            paramLabel = "STEP",
            description =
                    "train-step (loss, gradients, clipping, optimiser) or denoise-step (a pass over the batch, and"
                            + " logits of 64 positions a row).")
    private String word = Step.TRAIN_STEP.word;

    private Step step = Step.TRAIN_STEP;

    @Option(
            names = "--config",
            required = true,
            paramLabel = "NAME|FILE",
            description = "tiny, coda-1.7b, or a config.json of CoDA or Qwen3.")
    private String config = "";

    @Option(
            names = "--topology",
            required = true,
            paramLabel = "GEN:AxBxC",
            description = "Chips along each axis of a slice: v4:2x2x1, v5:4x4x4 (v5p), v5e:2x2, v6e:4x4.")
    private String topology = "";

    @Option(
            names = "--mesh",
            paramLabel = "AXES",
            description = "How the devices form a grid: fsdp=64, fsdp=16,tensor=4 or data=4,fsdp=16 (default: fsdp over"
                    + " all).")
    private @Nullable String mesh;

    @Option(names = "--batch", required = true, paramLabel = "B", description = "Rows of a step, over all devices.")
    private int batch;

    @Option(names = "--length", required = true, paramLabel = "T", description = "Tokens of a row.")
    private int length;

    @Option(
            names = "--remat",
            paramLabel = "HOW",
            description =
                    "train-step: block (default): the backward pass computes each layer again from its input; none: it keeps"
                            + " everything.")
    private @Nullable Remat remat;

    @Option(
            names = "--layers",
            paramLabel = "FORM",
            defaultValue = "scan",
            description =
                    "scan (default): one loop over stacked weights, of which the compiler sees one layer; unrolled:"
                            + " all layers one by one, which it may fuse across and takes longer over.")
    private Layers layers = Layers.SCAN;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "bf16",
            description =
                    "bf16 (default): everything, as CoDA was trained; mixed: passes in bf16 over weights and moments"
                            + " in f32, which lose no small update; f32: everything.")
    private Dtype dtype = Dtype.BF16;

    @Option(names = "--optimizer", paramLabel = "RULE", description = "train-step: adamw (default) or adafactor.")
    private @Nullable Moments optimizer;

    @Option(
            names = "--shard",
            paramLabel = "PATH=AXES",
            description =
                    "Where the parameters at a path go, before the usual rules; a mesh axis, several joined by +, or"
                            + " nothing for each of their last axes: --shard **.embedTokens.weight=,fsdp+tensor")
    private List<String> shards = List.of();

    @Option(
            names = "--plugin",
            paramLabel = "FILE",
            defaultValue = "",
            description = "The compiler, a PJRT plugin (default: libtpu.so, as TPU_LIBRARY_PATH or Python has it).")
    private String plugin = "";

    @Option(
            names = "--flag",
            paramLabel = "NAME=VALUE",
            description = "A flag of the compiler, such as xla_tpu_scoped_vmem_limit_kib=65536; repeatable.")
    private Map<String, String> flags = Map.of();

    @Option(
            names = "--emit",
            paramLabel = "FILE",
            description = "Also write the program that the compiler is given, as StableHLO text.")
    private @Nullable Path emit;

    @Option(names = "--json", description = "Print a JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        step = Arrays.stream(Step.values())
                .filter(each -> each.word.equals(word))
                .findFirst()
                .orElseThrow(() -> new UsageException("--program " + word + ": expected train-step or denoise-step"));
        var compiler = AheadOfTime.installed();
        var devices = compiler.topology(topology);
        var grid = mesh(devices);
        // The text alone needs no compiler, and is worth having where none is installed.
        if (emit == null || !plugin.isEmpty()) {
            compiler.requireCompiler(plugin);
        }
        long start = System.nanoTime();
        var program = program(grid);
        double flops = MatrixProducts.flops(program.program());
        var text = compiler.text(program.program(), program.placement());
        if (emit != null) {
            AtomicFile.write(emit, text);
        }
        if (!json) {
            System.err.printf(
                    Locale.ROOT,
                    "%s: %,d characters of StableHLO in %.1f s; compiling for %s%n",
                    step,
                    text.length(),
                    (System.nanoTime() - start) * 1e-9,
                    devices.name());
        }
        return switch (compiler.compile(text, devices, plugin, flags)) {
            case Compilation.Compiled compiled -> report(devices, grid, compiled, flops);
            case Compilation.TooLarge large -> report(devices, grid, large);
        };
    }

    private Mesh mesh(Topology devices) {
        if (mesh == null) {
            return Mesh.of("fsdp", devices.devices());
        }
        var grid = parsed(mesh);
        if (grid.devices() != devices.devices()) {
            throw new UsageException("--mesh " + mesh + " has " + grid.devices() + " devices, --topology "
                    + devices.name() + " has " + devices.devices());
        }
        return grid;
    }

    private static Mesh parsed(String mesh) {
        try {
            return Mesh.parse(mesh);
        } catch (IllegalArgumentException e) {
            throw new UsageException("--mesh: " + e.getMessage());
        }
    }

    private StepProgram program(Mesh grid) {
        if (batch < 1 || length < 1) {
            throw new UsageException("--batch and --length must be at least 1, got " + batch + " and " + length);
        }
        if ((long) batch * length > Integer.MAX_VALUE) {
            throw new UsageException("--batch times --length must be below 2^31, got " + batch + " and " + length);
        }
        if (dtype == Dtype.MIXED && step == Step.DENOISE_STEP) {
            throw new UsageException("--dtype mixed is for train-step: a denoise-step keeps nothing in f32; use bf16");
        }
        new IdleOptions(step == Step.DENOISE_STEP, "on a denoise-step, which has no backward pass and no update")
                .refuse("--remat", remat != null)
                .refuse("--optimizer", optimizer != null);
        var rules = rules();
        try {
            return program(grid, rules);
        } catch (ShardingException e) {
            int number = rules.indexOf(e.rule());
            throw new UsageException(
                    (number < 0 ? "--mesh " + grid : "--shard " + shards.get(number)) + ": " + e.getMessage());
        } catch (IllegalArgumentException e) {
            throw new UsageException("--mesh " + grid + ": " + e.getMessage());
        }
    }

    private StepProgram program(Mesh grid, List<Rule> rules) {
        var shape = new StepProgram.Shape(
                model(),
                dtype.weights,
                dtype.compute,
                batch,
                length,
                remat() == Remat.BLOCK,
                layers == Layers.SCAN,
                grid,
                rules);
        return switch (step) {
            case TRAIN_STEP -> StepProgram.training(shape, optimizer());
            case DENOISE_STEP -> StepProgram.denoising(shape, Math.multiplyExact(batch, Math.min(length, POSITIONS)));
        };
    }

    private CodaConfig model() {
        return switch (config) {
            case CODA -> ModelPreset.coda();
            case TINY -> ModelPreset.tiny(512, 509, 510, 511);
            case "" -> throw new UsageException("--config '': expected " + TINY + ", " + CODA + ", or a config.json");
            default -> {
                var path = Path.of(config);
                yield Files.isDirectory(path)
                        ? CodaConfig.read(path)
                        : CodaConfig.parse(io.coda4j.coder.files.TextFile.read(path), path);
            }
        };
    }

    private Remat remat() {
        return remat == null ? Remat.BLOCK : remat;
    }

    private Moments moments() {
        return optimizer == null ? Moments.ADAMW : optimizer;
    }

    private Optimizer optimizer() {
        return switch (moments()) {
            case ADAMW -> new AdamW(0.9, 0.95, 1e-8, 0.1, false);
            case ADAFACTOR -> Adafactor.standard();
        };
    }

    private List<Rule> rules() {
        var rules = new ArrayList<Rule>();
        for (var shard : shards) {
            int equals = shard.indexOf('=');
            if (equals < 1) {
                throw new UsageException(
                        "--shard " + shard + ": expected PATH=AXES, such as **.embedTokens.weight=,fsdp");
            }
            rules.add(Rule.of(
                    shard.substring(0, equals), shard.substring(equals + 1).split(",", -1)));
        }
        return rules;
    }

    private int report(Topology devices, Mesh grid, Compilation.Compiled compiled, double flops) {
        var roofline = Roofline.of(devices, compiled, flops);
        double perDevice = flops / devices.devices();
        if (json) {
            var fields = fields(devices, grid, compiled);
            fields.put("fits", true);
            var memory = compiled.memory();
            fields.put("argumentBytes", memory.arguments());
            fields.put("temporaryBytes", memory.temporaries());
            fields.put("resultBytes", memory.results());
            fields.put("donatedBytes", memory.donated());
            put(fields, "peakBytes", compiled.peak());
            put(fields, "deviceBytes", compiled.deviceBytes());
            fields.put("productFlops", perDevice);
            put(fields, "compilerFlops", compiled.flops());
            put(fields, "compilerBytesAccessed", compiled.bytesAccessed());
            fields.put("collectives", collectives(compiled));
            fields.put("rooflineSeconds", roofline.seconds());
            fields.put("rooflineLimit", roofline.limit());
            fields.put("computeSeconds", roofline.compute());
            put(fields, "memorySeconds", roofline.memory());
            fields.put("linkSeconds", roofline.links());
            print(fields);
            return 0;
        }
        head(devices, grid, compiled);
        memory(compiled);
        var counted = compiled.flops();
        line(
                "work",
                amount(perDevice, "FLOP") + " per device in matrix products"
                        + (counted.isPresent()
                                ? "; the compiler counts " + amount(counted.getAsDouble(), "FLOP")
                                : ""));
        compiled.collectives().forEach(CompileCommand::line);
        line(roofline, (double) batch * length / devices.devices());
        return 0;
    }

    private static void line(Collective each) {
        line(
                each.operation(),
                "%d in the program (%d in loops), %d in a run; %s through each device"
                        .formatted(each.places(), each.inLoops(), each.runs(), amount(each.bytes(), "B")));
    }

    private static void line(Roofline roofline, double tokens) {
        var memory = roofline.memory();
        line(
                "least step time",
                "%s, limited by %s (compute %s, memory %s, links %s); %,.0f tokens/s per device"
                        .formatted(
                                seconds(roofline.seconds()),
                                roofline.limit(),
                                seconds(roofline.compute()),
                                memory.isPresent() ? seconds(memory.getAsDouble()) : "unknown",
                                seconds(roofline.links()),
                                tokens / roofline.seconds()));
    }

    /** With a prefix that leaves one to three digits before the point. */
    private static String amount(double value, String unit) {
        int thousands = 0;
        while (value >= 1000 && thousands < PREFIXES.length() - 1) {
            value /= 1000;
            thousands++;
        }
        return "%.2f %s%s".formatted(value, thousands == 0 ? "" : PREFIXES.substring(thousands, thousands + 1), unit);
    }

    private static String seconds(double seconds) {
        return seconds < 1 ? "%.3f ms".formatted(seconds * 1000) : "%.3f s".formatted(seconds);
    }

    /** What only a training step has. */
    private String training() {
        return switch (step) {
            case TRAIN_STEP -> ", " + lower(moments()) + ", remat " + lower(remat());
            case DENOISE_STEP -> "";
        };
    }

    private void head(Topology devices, Mesh grid, Compilation compilation) {
        line(
                "program",
                "%s of %s, batch %d x %d, %s%s, layers %s"
                        .formatted(step, config, batch, length, lower(dtype), training(), lower(layers)));
        line("devices", "%d of %s, mesh %s".formatted(devices.devices(), devices.name(), grid));
        line("compiler", "%s; %.1f s".formatted(compilation.compiler(), compilation.seconds()));
    }

    private static void memory(Compilation.Compiled compiled) {
        var memory = compiled.memory();
        long needed = memory.arguments() + memory.temporaries() + memory.results() - memory.donated();
        line(
                "memory",
                "%s per device: arguments %s, temporaries %s, results %s, of which donated %s%s"
                        .formatted(
                                amount(needed, "B"),
                                amount(memory.arguments(), "B"),
                                amount(memory.temporaries(), "B"),
                                amount(memory.results(), "B"),
                                amount(memory.donated(), "B"),
                                compiled.peak().isPresent()
                                        ? "; peak " + amount(compiled.peak().getAsLong(), "B")
                                        : ""));
        compiled.deviceBytes().ifPresent(limit -> line("fits", "a device has " + amount(limit, "B")));
    }

    private static List<Map<String, Object>> collectives(Compilation.Compiled compiled) {
        var all = new ArrayList<Map<String, Object>>();
        for (var each : compiled.collectives()) {
            var fields = new LinkedHashMap<String, Object>();
            fields.put("operation", each.operation());
            fields.put("places", each.places());
            fields.put("inLoops", each.inLoops());
            fields.put("runs", each.runs());
            fields.put("bytes", each.bytes());
            all.add(fields);
        }
        return all;
    }

    private int report(Topology devices, Mesh grid, Compilation.TooLarge large) {
        var ways = ways(devices, grid);
        if (json) {
            var fields = fields(devices, grid, large);
            fields.put("fits", false);
            put(fields, "neededBytes", large.needed());
            put(fields, "deviceBytes", large.deviceBytes());
            fields.put("ways", ways);
            fields.put("message", large.message());
            print(fields);
            return DOES_NOT_FIT;
        }
        head(devices, grid, large);
        line(
                "does not fit",
                "it needs "
                        + (large.needed().isPresent() ? amount(large.needed().getAsLong(), "B") + ", " : "")
                        + "more than a device has"
                        + (large.deviceBytes().isPresent()
                                ? ", " + amount(large.deviceBytes().getAsLong(), "B")
                                : ""));
        ways.forEach(way -> line("to make it fit", way));
        return DOES_NOT_FIT;
    }

    /** What takes less memory, the cheapest first. */
    private List<String> ways(Topology devices, Mesh grid) {
        var ways = new ArrayList<String>();
        if (step == Step.TRAIN_STEP && remat() == Remat.NONE) {
            ways.add("--remat block: layers are computed twice, and their values not kept");
        }
        if (step == Step.TRAIN_STEP && moments() == Moments.ADAMW) {
            ways.add("--optimizer adafactor: its state is a small part of the weights");
        }
        switch (dtype) {
            case F32 -> ways.add("--dtype bf16: half the bytes of weights and values");
            case MIXED -> ways.add("--dtype bf16: half the bytes of weights and moments");
            case BF16 -> {}
        }
        int parts = grid.parts(ModelSharding.rowAxis(grid));
        if (batch > parts) {
            ways.add("--batch " + Math.max(parts, batch / 2) + ": fewer rows on each device");
        } else if (length > 1) {
            ways.add("--length " + length / 2 + ": a row is all that a device has of the batch already");
        }
        ways.add("a --topology of more than " + devices.devices()
                + " chips, or of chips with more memory (v5p: 95 GiB)");
        return ways;
    }

    private Map<String, Object> fields(Topology devices, Mesh grid, Compilation compilation) {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("program", step.toString());
        fields.put("config", config);
        fields.put("batch", batch);
        fields.put("length", length);
        fields.put("dtype", lower(dtype));
        if (step == Step.TRAIN_STEP) {
            fields.put("optimizer", lower(moments()));
            fields.put("remat", lower(remat()));
        }
        fields.put("layers", lower(layers));
        fields.put("topology", devices.name());
        fields.put("devices", devices.devices());
        fields.put("mesh", grid.toString());
        fields.put("compiler", compilation.compiler());
        fields.put("compileSeconds", compilation.seconds());
        return fields;
    }

    private static void put(Map<String, Object> fields, String name, OptionalLong value) {
        value.ifPresent(number -> fields.put(name, number));
    }

    private static void put(Map<String, Object> fields, String name, OptionalDouble value) {
        value.ifPresent(number -> fields.put(name, number));
    }

    private static void print(Map<String, Object> fields) {
        System.out.println(new JsonMapper().writerWithDefaultPrettyPrinter().writeValueAsString(fields));
    }

    private static void line(String name, String text) {
        System.out.printf("%-19s %s%n", name, text);
    }

    private static String lower(Enum<?> value) {
        return value.name().toLowerCase(Locale.ROOT);
    }
}
