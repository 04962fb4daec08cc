package io.coda4j.coder.report;

import io.coda4j.coder.files.AtomicFile;
import io.coda4j.coder.files.Sha256;
import io.coda4j.coder.metrics.EvalLine;
import io.coda4j.coder.metrics.MetricsLine;
import io.coda4j.coder.metrics.Quantity;
import io.coda4j.coder.metrics.RunLine;
import io.coda4j.coder.metrics.Timing;
import io.coda4j.coder.metrics.TrainLine;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * The report of a run: one HTML file without references to anything outside it.
 *
 * <p>A content security policy in the page forbids all network access and every script but the one that shows values
 * under the pointer; without scripts everything but those values is still there.
 */
public final class HtmlReport {
    private final ReportData data;
    private final List<RunLine> runs;
    private final List<TrainLine> train;
    private final List<EvalLine> eval;

    private HtmlReport(ReportData data) {
        this.data = data;
        this.runs = linesOf(data.metrics(), RunLine.class);
        this.train = linesOf(data.metrics(), TrainLine.class);
        this.eval = linesOf(data.metrics(), EvalLine.class);
    }

    /** Writes the report; the file appears complete or not at all. */
    public static void write(Path file, ReportData data) {
        var html = html(data);
        AtomicFile.createFolder(Objects.requireNonNull(file.toAbsolutePath().getParent(), "a file is in a folder"));
        AtomicFile.write(file, html);
    }

    /** The report as text. */
    static String html(ReportData data) {
        return new HtmlReport(data).page();
    }

    private static <T extends MetricsLine> List<T> linesOf(List<MetricsLine> lines, Class<T> kind) {
        return lines.stream().filter(kind::isInstance).map(kind::cast).toList();
    }

    private String page() {
        var script = resource("report.js");
        var page = new Markup().trusted("<!DOCTYPE html>\n").open("html", "lang", "en");
        head(page, script);
        page.open("body").open("main");
        page.element("h1", data.title()).element("p", data.summary(), "class", "summary");
        tiles(page);
        charts(page);
        if (!data.filmstrips().isEmpty()) {
            Samples.filmstrips(page, data.filmstrips());
        }
        if (!data.infillings().isEmpty()) {
            Samples.infillings(page, data.infillings());
        }
        corpus(page);
        runs(page);
        page.close().newline();
        page.open("script").trusted(script).close();
        return page.close().close().newline().toString();
    }

    private void head(Markup page, String script) {
        page.open("head").empty("meta", "charset", "utf-8");
        page.empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
        page.empty("meta", "name", "color-scheme", "content", "light dark");
        page.empty(
                "meta",
                "http-equiv",
                "Content-Security-Policy",
                "content",
                "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-" + sha256(script)
                        + "'; base-uri 'none'; form-action 'none'");
        page.element("title", data.title());
        page.open("style").trusted(resource("report.css")).close().close().newline();
    }

    private void tiles(Markup page) {
        page.open("div", "class", "tiles");
        if (!train.isEmpty()) {
            var smoothed = Curves.smooth(
                    train.stream()
                            .map(line -> new Point(line.step(), line.loss()))
                            .toList(),
                    RunCharts.halfLife(train.size()));
            var last = train.getLast();
            tile(page, "Training loss", loss(smoothed.getLast().y()), "smoothed, at step " + last.step());
        }
        if (!eval.isEmpty()) {
            var last = Evaluation.perStep(eval).getLast();
            tile(
                    page,
                    "Held-out accuracy",
                    Quantity.percent(last.all().accuracy()),
                    "baselines: same neighbours "
                            + Quantity.percent(last.all().baselineNeighbours())
                            + ", most frequent token "
                            + Quantity.percent(last.all().baselineUnigram()));
            if (last.unseen() != null) {
                tile(
                        page,
                        "… on unseen text",
                        Quantity.percent(last.unseen().accuracy()),
                        "baselines: same neighbours "
                                + Quantity.percent(last.unseen().baselineNeighbours())
                                + ", most frequent token "
                                + Quantity.percent(last.unseen().baselineUnigram()));
            }
        }
        tile(page, "Parameters", Quantity.compact(data.parameters()), "weights of the model");
        effortTiles(page);
        page.close().newline();
    }

    private void effortTiles(Markup page) {
        if (train.isEmpty()) {
            return;
        }
        var last = train.getLast();
        tile(
                page,
                "Throughput",
                Quantity.compact(median(train.stream()
                                .mapToDouble(line -> line.timing().tokensPerSecond())
                                .sorted()
                                .toArray()))
                        + " tok/s",
                "median over the run");
        tile(
                page,
                "Tokens seen",
                Quantity.compact(last.tokens()),
                Quantity.compact(last.epoch()) + " passes over the corpus");
        var timing = last.timing();
        tile(
                page,
                "Training time",
                Quantity.duration(Duration.ofMillis((long) (1000 * timing.seconds()))),
                memory(train.stream().map(TrainLine::timing).toList()));
    }

    private static String memory(List<Timing> timings) {
        return timings.stream()
                .map(Timing::rssBytes)
                .filter(Objects::nonNull)
                .max(Long::compare)
                .map(bytes -> "at most " + Quantity.bytes(bytes) + " of memory")
                .orElse("wall clock");
    }

    /** With three decimals, unless a run that goes wrong makes it too long for its tile. */
    private static String loss(double value) {
        return Math.abs(value) < 1000 ? String.format(Locale.ROOT, "%.3f", value) : Quantity.compact(value);
    }

    private static double median(double[] sorted) {
        return sorted[sorted.length / 2];
    }

    private static void tile(Markup page, String name, String value, String note) {
        page.open("div", "class", "tile").element("div", name, "class", "name");
        page.element("div", value, "class", "value")
                .element("div", note, "class", "note")
                .close();
    }

    private void charts(Markup page) {
        var charts = new RunCharts(train, eval).all();
        if (charts.isEmpty()) {
            page.element("p", "The log of this run has no training steps and no evaluations yet.");
            return;
        }
        page.element("h2", "Learning").open("div", "class", "charts");
        for (var chart : charts) {
            page.open("div", "class", "card").trusted(chart.svg()).close().newline();
        }
        page.close();
    }

    private void corpus(Markup page) {
        if (data.corpus().sources().isEmpty() && data.corpus().facts().isEmpty()) {
            return;
        }
        page.element("h2", "Corpus").open("section", "class", "card");
        if (!data.corpus().sources().isEmpty()) {
            sources(page, data.corpus().sources());
        }
        table(page, "Facts about the corpus", data.corpus().facts());
        page.close().newline();
    }

    private static void sources(Markup page, List<CorpusSource> sources) {
        page.open("div", "class", "scroll").open("table").open("thead").open("tr");
        for (var heading : List.of("artifact", "licence")) {
            page.element("th", heading, "scope", "col");
        }
        for (var heading : List.of("files", "size", "tokens")) {
            page.element("th", heading, "scope", "col", "class", "number");
        }
        page.close().close().open("tbody");
        for (var source : sources) {
            row(page, source.artifact(), source.licence(), source.files(), source.bytes(), source.tokens());
        }
        page.close();
        if (sources.size() > 1) {
            page.open("tfoot");
            row(
                    page,
                    "total",
                    "",
                    sources.stream().mapToLong(CorpusSource::files).sum(),
                    sources.stream().mapToLong(CorpusSource::bytes).sum(),
                    sources.stream().mapToLong(CorpusSource::tokens).sum());
            page.close();
        }
        page.close().close();
    }

    private static void row(Markup page, String artifact, String licence, long files, long bytes, long tokens) {
        page.open("tr").element("td", artifact).element("td", licence);
        for (var number : List.of(Long.toString(files), Quantity.bytes(bytes), Quantity.compact(tokens))) {
            page.element("td", number, "class", "number");
        }
        page.close();
    }

    private void runs(Markup page) {
        if (runs.isEmpty()) {
            return;
        }
        var run = runs.getLast();
        page.element("h2", "Settings and machine").open("div", "class", "pair");
        page.open("section", "class", "card").element("h3", "Settings");
        table(page, "Settings", run.settings());
        page.close().open("section", "class", "card").element("h3", "Machine");
        table(page, "Machine", run.environment());
        page.close().close();
        page.element("h2", "How to reproduce");
        page.element("p", reproduction(run));
        var commands = new ArrayList<String>();
        runs.stream().map(RunLine::command).distinct().forEach(commands::add);
        page.element("pre", String.join("\n", commands), "class", "card command")
                .newline();
    }

    private String reproduction(RunLine run) {
        var seed = "The seed is " + run.seed() + ". On the same device the same command gives the same losses, bit for"
                + " bit, as long as its length is given in steps.";
        return runs.size() == 1
                ? seed
                : seed
                        + " This run was started %d times, the last time from step %d."
                                .formatted(runs.size(), run.step());
    }

    private static void table(Markup page, String name, Map<String, String> rows) {
        if (rows.isEmpty()) {
            return;
        }
        page.open("div", "class", "scroll").open("table", "aria-label", name).open("tbody");
        rows.forEach((key, value) -> page.open("tr")
                .element("th", key, "scope", "row")
                .element("td", value)
                .close());
        page.close().close().close();
    }

    private static String resource(String name) {
        try (var in = HtmlReport.class.getResourceAsStream(name)) {
            return new String(Objects.requireNonNull(in, name).readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read the resource " + name, e);
        }
    }

    private static String sha256(String text) {
        var digest = Sha256.digest().digest(text.getBytes(StandardCharsets.UTF_8));
        return Base64.getEncoder().encodeToString(digest);
    }
}
