package io.coda4j.bench.decode;

import io.coda4j.coder.generate.Precision;
import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.ModelException;
import io.coda4j.coder.terminal.Budget;
import io.coda4j.coder.terminal.Progress;
import io.coda4j.coder.terminal.Terminal;
import io.coda4j.nn.safetensors.Safetensors;
import io.coda4j.nn.safetensors.SafetensorsException;
import io.coda4j.nn.safetensors.StoredType;
import io.coda4j.tensor.Primitive.AttentionMask;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** {@code coda bench decode}: what an answer takes, by way of decoding and precision. */
@Command(
        name = "decode",
        mixinStandardHelpOptions = true,
        description = {
            "Fills masks behind a random prompt in several ways and precisions, and says what that took: seconds, model"
                    + " runs (forwards), tokens per forward and per second, the time to the first forward, memory, and"
                    + " seconds by phase.",
            "",
            "Ways (--only): exact, as 'coda generate' without options; prefix and dual (--cache, block by block); and"
                    + " dual-threshold (--cache dual --decode threshold). All write the same number of tokens: texts do"
                    + " not end early and padding is never produced. Each cell runs once, by itself, in a JVM of its own"
                    + " with the flags of this one, so that its first forward and its memory are those of a command.",
            "",
            "An exact run has a step for each token: an hour at 1.7B. With --sample-steps K that row is an estimate and"
                    + " says so: K real steps at evenly spread numbers of masks, each run twice to tell what happens"
                    + " only once, and the others by the trapezoid rule.",
            "",
            "With random weights ('coda synth') no token is sure, so that dual-threshold commits one at a time, unless"
                    + " --threshold is very low."
        },
        footer = {
            "",
            "Examples:",
            "  coda bench decode --model out/coda-random --sample-steps 8 --json",
            "  coda bench decode --model out/demo/model --prompt-tokens 64 --new-tokens 64 --threshold 0.7",
            "  coda bench decode --model M --int8 M-int8 --precision bf16,int8 --only dual"
        })
public final class DecodeCommand implements Callable<Integer> {
    @Spec
    private @Nullable CommandSpec spec;

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "Folder of the model.")
    private Path model = Path.of("");

    @Option(
            names = "--int8",
            paramLabel = "DIR",
            description = "Folder of the same model with INT8 weights, made by 'coda quantize'; for --precision int8.")
    private @Nullable Path int8Model;

    @Option(
            names = "--precision",
            split = ",",
            paramLabel = "P",
            description = "What products with the model's matrices are made of, see 'coda generate --help': f32, bf16,"
                    + " int8, or several of them. Default: f32,bf16 and with --int8 int8 as well.")
    private @Nullable List<Precision> precisions;

    @Option(
            names = "--only",
            split = ",",
            paramLabel = "WAY",
            description = "Some of the ways: exact, prefix, dual, dual-threshold. Default: all.")
    private @Nullable List<String> only;

    @Option(
            names = "--prompt-tokens",
            paramLabel = "N",
            defaultValue = "256",
            description = "Tokens of the prompt (256).")
    private int promptTokens = 256;

    @Option(names = "--new-tokens", paramLabel = "N", defaultValue = "256", description = "Masks behind it (256).")
    private int newTokens = 256;

    @Option(names = "--seed", paramLabel = "S", defaultValue = "0", description = "Seed of the prompt (0).")
    private long seed;

    @Option(names = "--block", paramLabel = "N", description = "Positions of a block of all ways but exact (32).")
    private @Nullable Integer block;

    @Option(
            names = "--threshold",
            paramLabel = "P",
            description = "dual-threshold: commit tokens with at least this probability (0.9).")
    private @Nullable Double threshold;

    @Option(
            names = "--sample-steps",
            paramLabel = "K",
            description = "exact: estimate the run from K of its steps, at least 2. Default: run it.")
    private @Nullable Integer sampleSteps;

    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            defaultValue = "cpu",
            description = "Where to compute: cpu (all cores, the default), cpu:N (N threads), or another device that"
                    + " 'coda devices' lists.")
    private String device = "cpu";

    @Option(names = "--json", description = "Print a JSON object.")
    private boolean json;

    @Override
    public Integer call() {
        var requests = requests();
        check();
        var results = new ArrayList<CellResult>();
        var notes = new TreeSet<String>();
        for (var request : requests) {
            results.add(measure(request, notes));
        }
        var report = new DecodeReport(
                model, int8Model, promptTokens, newTokens, seed, block(), threshold(), List.copyOf(results));
        System.out.println(json ? report.json() : report.table());
        return 0;
    }

    private static CellResult measure(CellRequest request, TreeSet<String> notes) {
        try (var progress =
                Progress.start(Terminal.of(System.err), request.name(), new Budget.Steps(request.steps()))) {
            return CellProcess.measure(
                    request,
                    note -> {
                        // Each process chooses for itself, and says the same.
                        if (notes.add(note)) {
                            progress.println(note);
                        }
                    },
                    step -> progress.update(step, request.isSampled() ? "sampled steps" : "steps"));
        }
    }

    private List<CellRequest> requests() {
        var requests = new ArrayList<CellRequest>();
        for (var decoding : decodings()) {
            for (var precision : precisions()) {
                requests.add(new CellRequest(
                        decoding,
                        precision,
                        precision == Precision.INT8 && int8Model != null ? int8Model : model,
                        device,
                        promptTokens,
                        newTokens,
                        seed,
                        block(),
                        threshold(),
                        sampleSteps == null ? 0 : sampleSteps));
            }
        }
        return requests;
    }

    private int block() {
        return block == null ? 32 : block;
    }

    private double threshold() {
        return threshold == null ? 0.9 : threshold;
    }

    private List<Decoding> decodings() {
        return only == null
                ? List.of(Decoding.values())
                : only.stream()
                        .map(label -> Decoding.named(label)
                                .orElseThrow(() -> bad("--only: no way of decoding is called '" + label + "'; known: "
                                        + Decoding.labels())))
                        .distinct()
                        .toList();
    }

    private List<Precision> precisions() {
        if (precisions != null) {
            return precisions.stream().distinct().toList();
        }
        return int8Model == null
                ? List.of(Precision.F32, Precision.BF16)
                : List.of(Precision.F32, Precision.BF16, Precision.INT8);
    }

    /** Finds out what would stop a cell before an earlier one has taken its time. */
    private void check() {
        requireAtLeast(1, "--prompt-tokens", promptTokens);
        requireAtLeast(1, "--new-tokens", newTokens);
        requireAtLeast(1, "--block", block());
        if (!(threshold() >= 0 && threshold() <= 1)) {
            throw bad("--threshold must be in [0, 1], got " + threshold());
        }
        checkBlocks();
        checkSampling();
        checkModels();
    }

    private void requireAtLeast(int least, String option, int value) {
        if (value < least) {
            throw bad(option + " must be at least " + least + ", got " + value);
        }
    }

    private void checkBlocks() {
        if (block != null && decodings().equals(List.of(Decoding.EXACT))) {
            throw bad("--block is for the ways prefix, dual and dual-threshold, which --only leaves out");
        }
        if (threshold != null && !decodings().contains(Decoding.DUAL_THRESHOLD)) {
            throw bad("--threshold is for the way dual-threshold, which --only leaves out");
        }
    }

    private void checkSampling() {
        if (sampleSteps == null) {
            return;
        }
        if (!decodings().contains(Decoding.EXACT)) {
            throw bad("--sample-steps is for the way exact, which --only leaves out");
        }
        int steps = SampledSteps.masksBySteps(newTokens).length;
        if (sampleSteps < 2 || sampleSteps >= steps) {
            throw bad("--sample-steps must be at least 2 and fewer than the " + steps + " of the run, got "
                    + sampleSteps + "; leave it out to run them all");
        }
    }

    private void checkModels() {
        boolean hasInt8 = precisions().contains(Precision.INT8);
        if (int8Model != null && !hasInt8) {
            throw bad("--int8 has no effect without --precision int8");
        }
        checkModel("--model", model);
        boolean isQuantized = isQuantized("--model", model);
        if (isQuantized && !precisions().equals(List.of(Precision.INT8))) {
            throw bad(
                    "--model: " + model + " has INT8 weights; give the checkpoint that it was made from as --model and"
                            + " this one as --int8, or choose --precision int8 alone");
        }
        if (int8Model != null) {
            checkModel("--int8", int8Model);
        }
        if (hasInt8 && !(int8Model == null ? isQuantized : isQuantized("--int8", int8Model))) {
            throw bad((int8Model == null ? "--precision int8 needs --int8 DIR: " + model : "--int8: " + int8Model)
                    + " has no INT8 weights; make them with coda quantize --model " + model
                    + " --format int8 --out DIR");
        }
    }

    private void checkModel(String option, Path folder) {
        CodaConfig config;
        try {
            config = CodaConfig.read(folder);
        } catch (ModelException e) {
            throw bad(option + ": " + e.getMessage());
        }
        if (config.attention() == AttentionMask.CAUSAL) {
            throw bad(option + ": " + folder + " is an autoregressive model; these ways of decoding are for diffusion"
                    + " models");
        }
        long length = (long) promptTokens + newTokens;
        if (length > config.maxPositions()) {
            throw bad("--prompt-tokens and --new-tokens are " + length + " together; " + folder + " sees "
                    + config.maxPositions());
        }
    }

    private boolean isQuantized(String option, Path folder) {
        try (var weights = Safetensors.open(folder)) {
            return weights.entries().values().stream().anyMatch(entry -> entry.type() == StoredType.I8);
        } catch (SafetensorsException e) {
            throw bad(option + ": " + e.getMessage());
        }
    }

    private ParameterException bad(String message) {
        if (spec == null) {
            throw new IllegalStateException("not run as a command: " + message);
        }
        return new ParameterException(spec.commandLine(), message);
    }
}
