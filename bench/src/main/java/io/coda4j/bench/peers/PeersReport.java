package io.coda4j.bench.peers;

import io.coda4j.bench.Machine;
import io.coda4j.bench.Statistics;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/**
 * What {@code coda bench peers} has measured.
 *
 * @param engines their descriptions, this engine's first, with its device
 * @param device as it was asked for
 * @param peak GFLOP/s that the machine reaches
 * @param bandwidth GB/s that it reads
 */
record PeersReport(List<Row> rows, List<String> engines, String device, int threads, double peak, double bandwidth) {
    /** The OpenBLAS of the system, where it has one; "openblas" is the one that comes with the peers. */
    static final String SYSTEM_OPENBLAS = "openblas-sys";

    /** What this engine is compared with, in the order of the table: first itself without INT8. */
    static final List<String> PEERS =
            List.of("coda-f32", "coda-bf16", "torch", "openblas", SYSTEM_OPENBLAS, "tokenizers");

    /** One piece of work: seconds by engine, all turns of all forks. */
    record Row(String kind, Work work, Map<String, List<Double>> seconds) {
        private double median(String engine) {
            return Statistics.median(Objects.requireNonNull(seconds.get(engine)).stream()
                    .mapToDouble(x -> x)
                    .toArray());
        }

        /** This engine's throughput over each peer's. */
        private Map<String, Double> ratios() {
            var ratios = new LinkedHashMap<String, Double>();
            PEERS.stream()
                    .filter(seconds::containsKey)
                    .forEach(peer -> ratios.put(peer, median(peer) / median("coda")));
            return ratios;
        }

        /** The share of what the machine could do at most; of a text its speed. */
        private String ceiling(double peak, double bandwidth) {
            double coda = median("coda");
            if (work instanceof Work.Encode) {
                return String.format(Locale.ROOT, "%.1f MB/s", work.bytes() / coda * 1e-6);
            }
            double share =
                    work.flops() > 0 ? work.flops() / coda * 1e-9 / peak : work.bytes() / coda * 1e-9 / bandwidth;
            return String.format(Locale.ROOT, "%.2f", share);
        }

        /** What reading the weights and caches that it must read comes to, in GB/s. */
        private double readRate() {
            return (work.weightBytes() + work.cacheBytes()) / median("coda") * 1e-9;
        }

        private boolean hasReads() {
            return work.weightBytes() > 0;
        }

        /** The medians and ratios, for somebody who waits. */
        @Override
        public String toString() {
            var line = new StringBuilder(kind + " " + work.name() + ":");
            seconds.keySet()
                    .forEach(engine ->
                            line.append(String.format(Locale.ROOT, " %s %.3f ms", engine, median(engine) * 1e3)));
            ratios().forEach((peer, ratio) -> line.append(String.format(Locale.ROOT, " /%s %.2f", peer, ratio)));
            return line.toString();
        }
    }

    /** For people. */
    String table() {
        var lines = new ArrayList<String>();
        lines.add(String.format(
                Locale.ROOT,
                "%s, %d threads: peak %.1f GFLOP/s, reads %.1f GB/s",
                Machine.processor(),
                threads,
                peak,
                bandwidth));
        lines.addAll(engines);
        var columns = PEERS.stream()
                .filter(peer -> rows.stream().anyMatch(row -> row.seconds.containsKey(peer)))
                .toList();
        lines.add(header(columns));
        rows.forEach(row -> lines.add(line(row, columns)));
        rows.stream().filter(Row::hasReads).map(this::reads).forEach(lines::add);
        rows.stream().map(Row::kind).distinct().forEach(kind -> columns.forEach(peer -> addSummary(lines, kind, peer)));
        return String.join(System.lineSeparator(), lines);
    }

    /** The ceilings are those of the processor. */
    private String ceiling(Row row) {
        return isProcessor() ? row.ceiling(peak, bandwidth) : "-";
    }

    private boolean isProcessor() {
        return device.equals("cpu") || device.startsWith("cpu:");
    }

    private static String header(List<String> columns) {
        var line = new StringBuilder("%-60s %12s".formatted("work", "coda4j ms"));
        columns.forEach(peer -> line.append(" %15s".formatted(peer + " ms")));
        columns.forEach(peer -> line.append(" %13s".formatted("/" + peer)));
        return line.append(" %10s".formatted("ceiling")).toString();
    }

    private String line(Row row, List<String> columns) {
        var line = new StringBuilder(
                String.format(Locale.ROOT, "%-60s %12.3f", row.kind + " " + row.work.name(), row.median("coda") * 1e3));
        columns.forEach(peer -> line.append(" %15s"
                .formatted(
                        row.seconds.containsKey(peer)
                                ? String.format(Locale.ROOT, "%.3f", row.median(peer) * 1e3)
                                : "-")));
        var ratios = row.ratios();
        columns.forEach(peer -> line.append(" %13s"
                .formatted(ratios.containsKey(peer) ? String.format(Locale.ROOT, "%.2f", ratios.get(peer)) : "-")));
        return line.append(" %10s".formatted(ceiling(row))).toString();
    }

    private String reads(Row row) {
        return String.format(
                Locale.ROOT,
                "%s %s: %.4f s per forward, must read %.3f GB of weights and %.3f GB of caches: %.1f GB/s%s",
                row.kind,
                row.work.name(),
                row.median("coda"),
                row.work.weightBytes() * 1e-9,
                row.work.cacheBytes() * 1e-9,
                row.readRate(),
                isProcessor() ? String.format(Locale.ROOT, ", %.2f of what it reads", row.readRate() / bandwidth) : "");
    }

    private void addSummary(List<String> lines, String kind, String peer) {
        var ratios = rows.stream()
                .filter(row -> row.kind.equals(kind) && row.seconds.containsKey(peer))
                .mapToDouble(row -> row.median(peer) / row.median("coda"))
                .toArray();
        if (ratios.length > 0) {
            lines.add(String.format(
                    Locale.ROOT,
                    "%s: geometric mean %.2f of %s, least %.2f",
                    kind,
                    Statistics.geometricMean(ratios),
                    peer,
                    Arrays.stream(ratios).min().orElseThrow()));
        }
    }

    /** For machines. */
    String json() {
        var all = new ArrayList<Map<String, @Nullable Object>>();
        for (var row : rows) {
            var fields = new LinkedHashMap<String, @Nullable Object>();
            fields.put("kind", row.kind);
            fields.put("work", row.work.name());
            fields.put("flops", row.work.flops());
            fields.put("bytes", row.work.bytes());
            fields.put("seconds", row.seconds);
            if (row.hasReads()) {
                fields.put("secondsPerForward", row.median("coda"));
                fields.put("weightBytes", row.work.weightBytes());
                fields.put("cacheBytes", row.work.cacheBytes());
                fields.put("gbPerSecond", row.readRate());
                fields.put("bandwidthShare", isProcessor() ? row.readRate() / bandwidth : null);
            }
            fields.put("ratios", row.ratios());
            all.add(fields);
        }
        var report = new LinkedHashMap<String, Object>();
        report.put("processor", Machine.processor());
        report.put("device", device);
        report.put("threads", threads);
        report.put("peakGflops", peak);
        report.put("readGbPerSecond", bandwidth);
        report.put("engines", engines);
        report.put("rows", all);
        return new JsonMapper().writerWithDefaultPrettyPrinter().writeValueAsString(report);
    }
}
