package io.coda4j.coder.cli;

import io.coda4j.coder.generate.Precision;
import io.coda4j.coder.generate.PrecisionComparison;
import io.coda4j.coder.generate.PrecisionComparison.Variant;
import io.coda4j.coder.model.Int8Checkpoint;
import io.coda4j.coder.model.ModelFolder;
import io.coda4j.coder.tokenizer.TokenizerJson;
import io.coda4j.coder.train.EncodedCorpus;
import io.coda4j.coder.train.TrainingRun;
import io.coda4j.tensor.spi.Device;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.databind.json.JsonMapper;

/** {@code coda quantize}: makes a smaller checkpoint for inference. */
@Command(
        name = "quantize",
        mixinStandardHelpOptions = true,
        description = {
            "Makes a checkpoint for inference whose layers have INT8 weights, with one scale for each output.",
            "Embedding, norms and head stay as they are. All commands that generate read the result; on a cpu with"
                    + " instructions for it (see 'coda devices') they multiply INT8 by INT8."
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:the checkpoint was made", "2:it cannot be made"},
        footer = {
            "",
            "Examples:",
            "  coda quantize --model out/demo/model --format int8 --out out/demo/int8",
            "  coda quantize --model out/demo/model --format int8 --out out/demo/int8 --report lang3"
        })
final class QuantizeCommand implements Callable<Integer> {
    /** What weights become. */
    private enum Format {
        INT8
    }

    /** Tokens of a row of the report. */
    private static final int LENGTH = 128;

    /** Rows of the report unless there is the option. */
    private static final int ROWS = 256;

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "Folder with the checkpoint.")
    private Path model = Path.of("");

    @Option(names = "--format", required = true, paramLabel = "F", description = "What weights become: int8.")
    private Format format = Format.INT8;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Folder for the new checkpoint.")
    private Path out = Path.of("");

    @Option(
            names = "--report",
            paramLabel = "CORPUS",
            description = "Then measure what that costs on held-out files of a corpus (lang3, mix, or a folder of Java"
                    + " files), against the original: masked tokens named, and how far predictions move.")
    private @Nullable String report;

    @Option(
            names = "--report-rows",
            paramLabel = "N",
            description = "With --report: rows of 128 tokens that are measured (256).")
    private @Nullable Integer rows;

    @Mixin
    private DeviceOption device = new DeviceOption();

    @Option(names = "--json", description = "Print what was made as JSON.")
    private boolean json;

    /** What the weights are measured on, and where. */
    private record Sample(Device device, EncodedCorpus text) {}

    @Override
    public Integer call() {
        check();
        // Before anything is written: a checkpoint that an error leaves behind would stand in the way of the next try.
        var sample = report == null ? null : sample(report);
        long start = System.nanoTime();
        var summary = Int8Checkpoint.write(model, out, QuantizeCommand::progress);
        double seconds = (System.nanoTime() - start) * 1e-9;
        var lines = sample == null ? List.<PrecisionComparison.Line>of() : compare(sample);
        if (json) {
            var fields = new LinkedHashMap<String, Object>();
            fields.put("format", format.name().toLowerCase(Locale.ROOT));
            fields.put("out", out.toString());
            fields.put("quantized", summary.quantized());
            fields.put("kept", summary.kept());
            fields.put("bytes_before", summary.bytesBefore());
            fields.put("bytes_after", summary.bytesAfter());
            fields.put("seconds", seconds);
            if (report != null) {
                fields.put("report", lines);
            }
            System.out.println(new JsonMapper().writerWithDefaultPrettyPrinter().writeValueAsString(fields));
        } else {
            System.out.printf(
                    Locale.ROOT,
                    "%s: %d matrices as INT8, %d tensors as they were, %.1f MB of %.1f MB, %.1f s%n",
                    out,
                    summary.quantized(),
                    summary.kept(),
                    summary.bytesAfter() / 1e6,
                    summary.bytesBefore() / 1e6,
                    seconds);
            lines.forEach(line -> System.out.printf(
                    Locale.ROOT,
                    "%-14s %6.2f %% of %,d masked tokens, cross-entropy %.4f, divergence from f32 %.6f, same choice %.2f %%%n",
                    line.name(),
                    100 * line.accuracy(),
                    line.positions(),
                    line.crossEntropy(),
                    line.divergence(),
                    100 * line.sameBest()));
        }
        return 0;
    }

    private void check() {
        if (rows != null && rows < 1) {
            throw new UsageException("--report-rows must be positive, got " + rows);
        }
        new IdleOptions(report == null, "without --report CORPUS, which measures what was made")
                .refuse("--report-rows", rows != null)
                .refuse("--device", device.isGiven());
    }

    /** Text that is not in the training part of the corpus. */
    private Sample sample(String source) {
        var opened = device.open();
        var tokenizer = TokenizerJson.read(model);
        var corpus = TrainingRun.readCorpus(source, System.err::println);
        return new Sample(opened, EncodedCorpus.of(corpus.heldOut(), tokenizer));
    }

    /** The original and the new weights, in all precisions. */
    private List<PrecisionComparison.Line> compare(Sample sample) {
        var opened = sample.device();
        var text = sample.text();
        var original = ModelFolder.map(model, opened);
        var quantized = ModelFolder.map(out, opened).model();
        var variants = List.of(
                Variant.of("f32", original.model(), Precision.F32, opened),
                Variant.of("bf16", original.model(), Precision.BF16, opened),
                new Variant("int8 weights", quantized, Precision.F32),
                new Variant("int8", quantized, Precision.INT8));
        try (var comparison = new PrecisionComparison(original.config(), variants, opened)) {
            return comparison.run(text.tokens(), text.fresh(), LENGTH, rows == null ? ROWS : rows, 1);
        }
    }

    /** A line for every tenth of the tensors. */
    private static void progress(String tensor, int done, int all) {
        if (done * 10L / all != (done - 1) * 10L / all || done == 0) {
            System.err.printf(Locale.ROOT, "%3d %%  %s%n", done * 100L / all, tensor);
        }
    }
}
