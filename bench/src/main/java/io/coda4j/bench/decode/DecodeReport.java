package io.coda4j.bench.decode;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The table of {@code coda bench decode}.
 *
 * @param model folder of the checkpoint of f32 and bf16
 * @param int8Model folder of that of int8, null if there is none
 * @param block columns of a block
 * @param threshold of the row that has one
 */
record DecodeReport(
        Path model,
        @Nullable Path int8Model,
        int promptTokens,
        int newTokens,
        long seed,
        int block,
        double threshold,
        List<CellResult> cells) {
    private static final String ROW = "%-16s %-9s %12s %9s %8s %9s %9s %9s %10s %10s";
    private static final String ABSENT = "-";

    /** How many times as long the exact run of the same precision takes, or null if there is none. */
    private @Nullable Double speedup(CellResult cell) {
        return cells.stream()
                .filter(other -> other.decoding().equals(Decoding.EXACT.label())
                        && other.precision().equals(cell.precision()))
                .map(exact -> exact.seconds() / cell.seconds())
                .findFirst()
                .orElse(null);
    }

    /** Whether what the cell is compared with, or it itself, was estimated. */
    private boolean isSpeedupEstimated(CellResult cell) {
        return cells.stream()
                .filter(other -> other.decoding().equals(Decoding.EXACT.label())
                        && other.precision().equals(cell.precision()))
                .anyMatch(CellResult::estimated);
    }

    /** For people. */
    String table() {
        var lines = new ArrayList<String>();
        lines.add(String.format(
                Locale.ROOT,
                "%s: %d + %d tokens, seed %d, blocks of %d, threshold %s, on %s; each line in a JVM of its own",
                model,
                promptTokens,
                newTokens,
                seed,
                block,
                threshold,
                cells.getFirst().device()));
        lines.add(ROW.formatted(
                "decoding",
                "precision",
                "seconds",
                "forwards",
                "tok/fwd",
                "tok/s",
                "exact/it",
                "1st fwd s",
                "after load",
                "resident"));
        for (var cell : cells) {
            lines.add(line(cell));
            lines.add(phases(cell));
        }
        cells.stream()
                .filter(CellResult::estimated)
                .findFirst()
                .ifPresent(cell -> lines.add("~ estimated, not a run: "
                        + cell.stepsRun() + " of " + cell.forwards()
                        + " steps were measured, the others lie on the line between their neighbours"));
        lines.add("1st fwd s: from the start of the JVM; resident: GB that are no page of a mapped file, at most");
        return String.join(System.lineSeparator(), lines);
    }

    private String line(CellResult cell) {
        var speedup = speedup(cell);
        return ROW.formatted(
                cell.decoding(),
                cell.precision(),
                figure("%.2f", cell.seconds(), cell.estimated()),
                figure("%.0f", (double) cell.forwards(), cell.estimated()),
                figure("%.2f", cell.tokensPerForward(), cell.estimated()),
                figure("%.3f", cell.tokensPerSecond(), cell.estimated()),
                figure("%.2f", speedup, isSpeedupEstimated(cell)),
                figure("%.2f", cell.firstForwardSecondsFromStart(), false),
                figure("%.2f", cell.firstForwardSecondsFromLoad(), false),
                figure(
                        "%.3f",
                        cell.peakBeyondMappedBytes() == null ? null : cell.peakBeyondMappedBytes() * 1e-9, false));
    }

    private static String phases(CellResult cell) {
        var phases = cell.phases();
        return String.format(
                Locale.ROOT,
                "    load %.2f s; of the run%s: whole passes %.2f, window passes %.2f, head %.2f, choice %.2f",
                phases.load(),
                cell.estimated() ? ", estimated" : "",
                phases.wholePasses(),
                phases.windowPasses(),
                phases.head(),
                phases.choice());
    }

    private static String figure(String format, @Nullable Double value, boolean isEstimated) {
        return value == null ? ABSENT : (isEstimated ? "~" : "") + String.format(Locale.ROOT, format, value);
    }

    /** For machines. */
    String json() {
        var report = new LinkedHashMap<String, @Nullable Object>();
        report.put("model", model.toString());
        report.put("int8_model", int8Model == null ? null : int8Model.toString());
        report.put("prompt_tokens", promptTokens);
        report.put("new_tokens", newTokens);
        report.put("seed", seed);
        report.put("block", block);
        report.put("threshold", threshold);
        report.put("cells", cells.stream().map(this::fields).toList());
        return CellResult.MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(report);
    }

    private Map<String, @Nullable Object> fields(CellResult cell) {
        var fields = new LinkedHashMap<String, @Nullable Object>();
        CellResult.MAPPER.valueToTree(cell).properties().forEach(field -> fields.put(field.getKey(), field.getValue()));
        if (!cell.estimated()) {
            fields.remove("steps_run");
        }
        fields.put("exact_seconds_over_seconds", speedup(cell));
        fields.put("exact_is_estimated", isSpeedupEstimated(cell));
        return fields;
    }
}
