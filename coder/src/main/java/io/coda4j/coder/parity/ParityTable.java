package io.coda4j.coder.parity;

import io.coda4j.coder.parity.ParityResult.Status;
import io.coda4j.nn.json.Json;
import io.coda4j.tensor.spi.Device;
import java.io.PrintWriter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Prints results as lines of a table, each as soon as it is known, or as JSON. */
public final class ParityTable {
    private static final String LINE = "%-8s %-34s %13s %13s  %-24s %s";
    private static final double NANOS = 1e9;

    private final PrintWriter out;
    private boolean hasHeader;

    /** A table on {@code out}. */
    public ParityTable(PrintWriter out) {
        this.out = out;
    }

    /** Prints one line, and a second one with the reason if the case failed. */
    public void print(ParityResult result) {
        if (!hasHeader) {
            hasHeader = true;
            line("family", "case", "max abs error", "max rel error", "tolerance", "result");
        }
        if (result.status() == Status.SKIP) {
            line(result.family(), "-", "-", "-", "-", "SKIP: " + result.problem());
        } else {
            line(
                    result.family(),
                    result.name(),
                    number(result.maxAbsolute()),
                    number(result.maxRelative()),
                    result.tolerance(),
                    result.status().name());
            if (result.problem() != null) {
                out.println("         " + result.problem());
            }
        }
        out.flush();
    }

    private void line(String family, String name, String absolute, String relative, String tolerance, String result) {
        out.println(String.format(Locale.ROOT, LINE, family, name, absolute, relative, tolerance, result));
    }

    private static String number(double value) {
        if (Double.isNaN(value)) {
            return "-";
        }
        return value == 0 ? "0" : String.format(Locale.ROOT, "%.2e", value);
    }

    /** Prints the last line: counts, device and time. */
    public void printSummary(ParitySummary summary, Device device, long nanos) {
        out.println(String.format(
                Locale.ROOT,
                "%s: %d passed, %d failed, %d skipped on %s (%s) in %.1f s",
                summary.allPassed() ? "PASS" : "FAIL",
                summary.passed(),
                summary.failed(),
                summary.skipped(),
                device.name(),
                device.description(),
                nanos / NANOS));
    }

    /** The results as a JSON array, one object a line; numbers that there are none of are null. */
    public static String json(List<ParityResult> results) {
        return results.stream()
                .map(result -> "  " + object(result).toText())
                .collect(Collectors.joining(",\n", "[\n", "\n]"));
    }

    private static Json object(ParityResult result) {
        var members = new LinkedHashMap<String, Json>();
        boolean isSkip = result.status() == Status.SKIP;
        members.put("family", new Json.Str(result.family()));
        members.put("case", isSkip ? new Json.Null() : new Json.Str(result.name()));
        members.put("max_abs_error", jsonNumber(result.maxAbsolute()));
        members.put("max_rel_error", jsonNumber(result.maxRelative()));
        members.put("tolerance", isSkip ? new Json.Null() : new Json.Str(result.tolerance()));
        members.put("result", new Json.Str(result.status().name()));
        if (result.problem() != null) {
            members.put("problem", new Json.Str(result.problem()));
        }
        return new Json.Obj(members);
    }

    private static Json jsonNumber(double value) {
        return Double.isFinite(value) ? new Json.Num(Double.toString(value)) : new Json.Null();
    }
}
