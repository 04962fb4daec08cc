package io.coda4j.coder.report;

import io.coda4j.coder.metrics.EvalLine;
import io.coda4j.coder.metrics.MetricsLine;
import io.coda4j.coder.metrics.RunLine;
import io.coda4j.coder.metrics.Score;
import io.coda4j.coder.metrics.Timing;
import io.coda4j.coder.metrics.TrainLine;
import io.coda4j.coder.terminal.Piece;
import io.coda4j.coder.terminal.State;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import java.util.SequencedMap;

/** A report of a run that never happened, to try the page with. Its main method writes it to a file. */
final class SampleReport {
    private static final String CODE = """
            /** Returns the index of the first blank, or -1. */
            static int firstBlank(CharSequence text) {
                for (int i = 0; i < text.length(); i++) {
                    if (Character.isWhitespace(text.charAt(i))) {
                        return i;
                    }
                }
                return -1;
            }
            """;

    private SampleReport() {}

    public static void main(String[] arguments) {
        HtmlReport.write(Path.of(arguments[0]), data(6000, "firstBlank"));
    }

    static ReportData data(int steps, String name) {
        var corpus = new Corpus(
                List.of(
                        new CorpusSource("org.example:text-kit:1.2.0", "Apache-2.0", 231, 3_430_000, 849_000),
                        new CorpusSource("org.example:html-kit:3.0.1", "MIT", 68, 920_000, 231_000)),
                map("split", "90 % training, 10 % held out, by file", "vocabulary", "4,096 tokens, byte-level BPE"));
        return new ReportData(
                "A small code model: " + name,
                "A bidirectional transformer trained to fill masked tokens of Java code.",
                1_380_000,
                metrics(steps),
                corpus,
                List.of(filmstrip(name, 1), filmstrip("a second sample", 2)),
                List.of(
                        new Infilling(
                                "StringTool.java, " + name,
                                "    static int firstBlank(CharSequence text) {\n",
                                "        for (int i = 0; i < text.length(); i++) {\n            if (text == null) {\n",
                                "                return i;\n            }\n        }\n        return -1;\n    }\n",
                                "        for (int i = 0; i < text.length(); i++) {\n"
                                        + "            if (Character.isWhitespace(text.charAt(i))) {\n"),
                        new Infilling("Box.java", "List<String> names = ", "new ArrayList<>()", ";\n", null)));
    }

    private static List<MetricsLine> metrics(int steps) {
        var random = new Random(1);
        var lines = new ArrayList<MetricsLine>();
        lines.add(new RunLine(
                0,
                42,
                map("width", "128", "layers", "4", "batch", "16 x 128", "learning rate", "3e-3", "time", "9 min"),
                "./coda train recipes/coffee.yaml --seed 42 --out runs/coffee",
                map("cpu", "An Example CPU @ 2.50GHz", "cores", "2", "java", "25", "device", "cpu")));
        for (int step = 1; step <= steps; step++) {
            double share = (double) step / steps;
            double loss = 2.1 + 6.2 * Math.exp(-12 * share) + 0.4 * (1 - share);
            lines.add(train(step, share, loss, random));
            if (step % Math.max(1, steps / 12) == 0) {
                for (double noise : new double[] {0.15, 0.5, 0.85}) {
                    lines.add(eval(step, noise, loss, share));
                }
            }
        }
        return lines;
    }

    private static TrainLine train(int step, double share, double loss, Random random) {
        var byNoise = new Double[8];
        for (int i = 0; i < byNoise.length; i++) {
            double level = (i + 0.5) / byNoise.length;
            byNoise[i] = random.nextInt(10) == 0 ? null : loss * (0.6 + 0.6 * level) + 0.4 * random.nextGaussian();
        }
        double rate = 3e-3 * Math.min(1, share / 0.05) * (0.525 + 0.475 * Math.cos(Math.PI * share));
        return new TrainLine(
                step,
                step * 2048 / 972_000.0,
                step * 2048L,
                loss + 0.25 * random.nextGaussian(),
                Arrays.asList(byNoise),
                rate,
                1.2 * Math.exp(0.4 * random.nextGaussian()) + 4 * Math.exp(-50 * share),
                1000,
                new Timing(step * 0.21, 9700 + 300 * random.nextGaussian() - (step % 500 == 0 ? 5000 : 0), 1L << 30));
    }

    private static EvalLine eval(int step, double noise, double loss, double share) {
        double accuracy = (0.55 - 0.4 * noise) * (1 - Math.exp(-4 * share)) + 0.03;
        return new EvalLine(
                step,
                step * 2048L,
                noise,
                loss * (0.7 + 0.6 * noise),
                new Score((long) (20_000 * noise), accuracy, 0.052, 0.21 - 0.1 * noise),
                new Score((long) (9_000 * noise), accuracy * 0.85, 0.05, 0.17 - 0.1 * noise),
                new Timing(step * 0.21, 25_000, null));
    }

    private static Filmstrip filmstrip(String title, int seed) {
        var tokens = CODE.split("(?<=[^\\w])|(?=[^\\w])");
        int given = CODE.substring(0, CODE.indexOf('{')).split("(?<=[^\\w])|(?=[^\\w])").length;
        int steps = 32;
        var random = new Random(seed);
        var filledAt = new int[tokens.length];
        var confidence = new float[tokens.length];
        for (int i = 0; i < tokens.length; i++) {
            filledAt[i] = 1 + random.nextInt(steps);
            confidence[i] = (float) Math.sqrt(random.nextFloat());
        }
        var frames = new ArrayList<Frame>();
        for (int step : new int[] {0, 4, 12, 20, 28, 32}) {
            var pieces = new ArrayList<Piece>();
            for (int i = 0; i < tokens.length; i++) {
                var state = i < given
                        ? State.GIVEN
                        : filledAt[i] > step ? State.MASKED : filledAt[i] > step - 2 ? State.NEW : State.DONE;
                pieces.add(new Piece(tokens[i], state, confidence[i]));
            }
            frames.add(new Frame(step, pieces));
        }
        return new Filmstrip(title, steps, frames);
    }

    static SequencedMap<String, String> map(String... entries) {
        var map = new LinkedHashMap<String, String>();
        for (int i = 0; i < entries.length; i += 2) {
            map.put(entries[i], entries[i + 1]);
        }
        return map;
    }
}
