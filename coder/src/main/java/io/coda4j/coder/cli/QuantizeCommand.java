package io.coda4j.coder.cli;

import io.coda4j.coder.model.Int8Checkpoint;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
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
        footer = {"", "Example:", "  coda quantize --model out/demo/model --format int8 --out out/demo/int8"})
final class QuantizeCommand implements Callable<Integer> {
    /** What weights become. */
    private enum Format {
        INT8
    }

    @Option(names = "--model", required = true, paramLabel = "DIR", description = "Folder with the checkpoint.")
    private Path model = Path.of("");

    @Option(names = "--format", required = true, paramLabel = "F", description = "What weights become: int8.")
    private Format format = Format.INT8;

    @Option(names = "--out", required = true, paramLabel = "DIR", description = "Folder for the new checkpoint.")
    private Path out = Path.of("");

    @Option(names = "--json", description = "Print what was made as JSON.")
    private boolean json;

    @Override
    public Integer call() {
        long start = System.nanoTime();
        var summary = Int8Checkpoint.write(model, out, QuantizeCommand::progress);
        double seconds = (System.nanoTime() - start) * 1e-9;
        if (json) {
            var fields = new LinkedHashMap<String, Object>();
            fields.put("format", format.name().toLowerCase(Locale.ROOT));
            fields.put("out", out.toString());
            fields.put("quantized", summary.quantized());
            fields.put("kept", summary.kept());
            fields.put("bytes_before", summary.bytesBefore());
            fields.put("bytes_after", summary.bytesAfter());
            fields.put("seconds", seconds);
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
        }
        return 0;
    }

    /** A line for every tenth of the tensors. */
    private static void progress(String tensor, int done, int all) {
        if (done * 10L / all != (done - 1) * 10L / all || done == 0) {
            System.err.printf(Locale.ROOT, "%3d %%  %s%n", done * 100L / all, tensor);
        }
    }
}
