package io.coda4j.coder.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.metrics.EvalLine;
import io.coda4j.coder.metrics.RunLine;
import io.coda4j.coder.metrics.Timing;
import io.coda4j.coder.metrics.TrainLine;
import io.coda4j.coder.terminal.Piece;
import io.coda4j.coder.terminal.State;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HtmlReportTest {
    private static final String ATTACK =
            "</pre></script></style></title><script>alert('x')</script><img src=x onerror=\"y\">";

    private static final Corpus NO_CORPUS = new Corpus(List.of(), SampleReport.map());

    /** A report in which every text that comes from outside is an attack. */
    private static ReportData hostile() {
        var facts = SampleReport.map(ATTACK, ATTACK);
        var pieces = new ArrayList<Piece>();
        for (var state : State.values()) {
            pieces.add(new Piece(ATTACK, state, Float.NaN));
        }
        var byNoise = new ArrayList<Double>();
        byNoise.add(null);
        var timing = new Timing(Double.NaN, Double.NaN, null);
        return new ReportData(
                ATTACK,
                ATTACK,
                1,
                List.of(
                        new RunLine(0, 1, facts, ATTACK, facts),
                        new TrainLine(1, 0, 10, Double.NaN, byNoise, 0, Double.NaN, 0, timing)),
                new Corpus(List.of(new CorpusSource(ATTACK, ATTACK, 1, 1, 1)), facts),
                List.of(new Filmstrip(ATTACK, 1, List.of(new Frame(0, pieces)))),
                List.of(new Infilling(ATTACK, ATTACK, ATTACK, ATTACK, ATTACK)));
    }

    private static int count(String text, String regex) {
        return (int) Pattern.compile(regex).matcher(text).results().count();
    }

    @Test
    void noTextBecomesMarkup() {
        var html = HtmlReport.html(hostile());
        assertEquals(1, count(html, "<script"));
        assertEquals(1, count(html, "<style"));
        assertEquals(0, count(html, "<img"));
        assertEquals(0, count(html, "<[^>]*onerror"));
        // Title twice, summary, 2 maps x 2, command, 2 of a source, 2 facts, strip, 3 tokens, 7 of a filled hole.
        assertEquals(2 + 1 + 4 + 1 + 2 + 2 + 1 + 3 + 7, count(html, Pattern.quote("&lt;script&gt;alert(&#39;x&#39;)")));
    }

    @Test
    void everyElementIsClosed() {
        for (var data : List.of(hostile(), SampleReport.data(200, "x"))) {
            var html = HtmlReport.html(data);
            for (var tag :
                    List.of("section", "div", "figure", "pre", "span", "table", "tr", "td", "svg", "g", "main")) {
                assertEquals(count(html, "<" + tag + "[ >]"), count(html, "</" + tag + ">"), tag);
            }
        }
    }

    @Test
    void nothingIsFetchedAndOnlyItsOwnScriptMayRun() throws Exception {
        var html = HtmlReport.html(SampleReport.data(200, "x"));
        assertEquals(0, count(html, "(src|href|action)=|url\\(|@import"));
        assertEquals(0, count(html, "https?://(?!www\\.w3\\.org/2000/svg)"));
        var script = html.substring(html.indexOf("<script>") + 8, html.indexOf("</script>"));
        var digest = MessageDigest.getInstance("SHA-256").digest(script.getBytes(StandardCharsets.UTF_8));
        assertTrue(html.contains("script-src &#39;sha256-" + Base64.getEncoder().encodeToString(digest) + "&#39;"));
    }

    @Test
    void aLossOfManyDigitsFitsItsTile() {
        for (var given : Map.of(3.9e30, "3.9e30", 123_456_789.0, "123M", 999.9, "999.900")
                .entrySet()) {
            var timing = new Timing(1, 1, null);
            var line = new TrainLine(1, 0, 10, given.getKey(), List.of(), 0, 1, 1, timing);
            var html = HtmlReport.html(new ReportData(
                    "t", "s", 1, List.of(line), new Corpus(List.of(), new TreeMap<>()), List.of(), List.of()));
            assertTrue(html.contains("<div class=\"value\">" + given.getValue() + "</div>"), given.getValue());
        }
    }

    @Test
    void showsWhatTheRunMeasured() {
        var html = HtmlReport.html(SampleReport.data(1200, "firstBlank"));
        for (var text : List.of(
                "A small code model: firstBlank",
                "1.38M",
                "Held-out accuracy",
                "baselines: same neighbours",
                "Loss by share of masked tokens",
                "87.5–100 %",
                "org.example:text-kit:1.2.0",
                "Apache-2.0",
                "The seed is 42.",
                "./coda train recipes/coffee.yaml --seed 42",
                "step 4 of 32",
                "new ArrayList&lt;&gt;()")) {
            assertTrue(html.contains(text), text);
        }
        assertEquals(10, count(html, "<svg "));
        assertTrue(html.length() < 2_000_000, "size " + html.length());
    }

    @Test
    void isTheSameForTheSameData() {
        assertEquals(HtmlReport.html(SampleReport.data(300, "x")), HtmlReport.html(SampleReport.data(300, "x")));
    }

    @Test
    void aRunWithoutStepsSaysSo() {
        var empty = new ReportData("t", "s", 1, List.of(), NO_CORPUS, List.of(), List.of());
        var html = HtmlReport.html(empty);
        assertTrue(html.contains("no training steps"));
        assertFalse(html.contains("<svg") || html.contains("Corpus") || html.contains("From masks"));
    }

    @Test
    void evaluationsPoolNoiseLevelsByPositions() {
        var data = SampleReport.data(1200, "x");
        var lines = data.metrics().stream()
                .filter(line -> line instanceof EvalLine)
                .map(line -> (EvalLine) line)
                .toList();
        var last = lines.subList(lines.size() - 3, lines.size());
        double correct = 0;
        double positions = 0;
        for (var line : last) {
            correct += line.all().accuracy() * line.all().positions();
            positions += line.all().positions();
        }
        var pooled = Evaluation.perStep(lines).getLast();
        assertEquals(correct / positions, pooled.all().accuracy(), 1e-12);
        assertEquals(1200, pooled.step());
    }

    @Test
    void replacesAnOldReport(@TempDir Path directory) throws IOException {
        var file = directory.resolve("sub").resolve("report.html");
        for (var name : List.of("old", "new")) {
            HtmlReport.write(file, SampleReport.data(10, name));
        }
        assertTrue(Files.readString(file).contains("A small code model: new"));
        try (var files = Files.list(file.getParent())) {
            assertEquals(List.of(file), files.toList(), "no temporary file is left");
        }
    }

    @Test
    void escapesTextForContentAndAttributes() {
        assertEquals("&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;amp;", Markup.escape("<a b=\"c\" d='e'>&amp;"));
        assertEquals("a\nb\nc\td\ufffd\ufffd😀", Markup.escape("a\r\nb\rc\td\u0000\ud83d😀"));
    }
}
