package io.coda4j.coder.report;

import io.coda4j.coder.metrics.EvalLine;
import io.coda4j.coder.metrics.Quantity;
import io.coda4j.coder.metrics.TrainLine;
import io.coda4j.coder.report.Series.Stroke;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;

/** The charts of a run, from the lines of its log. */
final class RunCharts {
    private static final int WIDTH = 560;
    private static final int HEIGHT = 320;
    private static final int MODEL = 0;
    private static final int UNSEEN = 2;
    private static final int NEIGHBOURS = 4;
    private static final int UNIGRAM = 5;

    private final List<TrainLine> train;
    private final List<EvalLine> eval;

    RunCharts(List<TrainLine> train, List<EvalLine> eval) {
        this.train = train;
        this.eval = eval;
    }

    /** The charts that have data. */
    List<LineChart> all() {
        var charts = new ArrayList<LineChart>();
        if (!train.isEmpty()) {
            charts.add(loss("Training loss", Axis.linear("tokens seen")));
            charts.add(loss("Training loss, first steps stretched", Axis.logarithmic("tokens seen, logarithmic")));
            charts.add(lossByNoise());
        }
        if (!eval.isEmpty()) {
            charts.add(accuracy());
            charts.add(heldOutLoss());
            charts.add(accuracyByNoise());
        }
        if (!train.isEmpty()) {
            charts.add(learningRate());
            charts.add(throughput());
            charts.add(gradientNorm());
        }
        if (train.stream().anyMatch(line -> line.timing().rssBytes() != null)) {
            charts.add(memory());
        }
        return charts;
    }

    /** The half-life of smoothing, in points: two percent of the run. */
    static double halfLife(int points) {
        return points / 50.0;
    }

    private LineChart loss(String title, Axis x) {
        var raw = points(TrainLine::loss);
        return chart(
                title,
                "The loss that was minimised, as logged and smoothed.",
                x,
                Axis.linear("minimised loss"),
                Series.of("as logged", raw, Stroke.FAINT, MODEL),
                Series.of("smoothed", Curves.smooth(raw, halfLife(raw.size())), Stroke.SOLID, MODEL));
    }

    private LineChart lossByNoise() {
        int buckets =
                train.stream().mapToInt(line -> line.lossByNoise().size()).max().orElse(0);
        var series = new ArrayList<Series>();
        for (int i = 0; i < buckets; i++) {
            int bucket = i;
            var points = points(line -> bucket(line, bucket)).stream()
                    .filter(point -> Double.isFinite(point.y()))
                    .toList();
            if (!points.isEmpty()) {
                var name = Quantity.compact(100.0 * i / buckets) + "–" + Quantity.compact(100.0 * (i + 1) / buckets)
                        + " %";
                series.add(Series.ranked(name, Curves.smooth(points, halfLife(points.size())), i, buckets));
            }
        }
        return chart(
                "Loss by share of masked tokens",
                "The smoothed cross-entropy per masked token, one curve per range of the share of masked tokens.",
                Axis.linear("tokens seen"),
                Axis.linear("nats per masked token, smoothed"),
                series.toArray(Series[]::new));
    }

    private static double bucket(TrainLine line, int bucket) {
        var value = bucket < line.lossByNoise().size() ? line.lossByNoise().get(bucket) : null;
        return value == null ? Double.NaN : value;
    }

    private LineChart accuracy() {
        var series = new ArrayList<Series>();
        series.add(Series.of("model", evaluated(e -> e.all().accuracy()), Stroke.SOLID, MODEL));
        var unseen = evaluated(e -> e.unseen() == null ? Double.NaN : e.unseen().accuracy());
        if (unseen.stream().anyMatch(point -> Double.isFinite(point.y()))) {
            series.add(Series.of("model, unseen text only", unseen, Stroke.SOLID, UNSEEN));
        }
        series.add(Series.of(
                "baseline: same neighbours", evaluated(e -> e.all().baselineNeighbours()), Stroke.DASHED, NEIGHBOURS));
        series.add(Series.of(
                "baseline: most frequent token", evaluated(e -> e.all().baselineUnigram()), Stroke.DASHED, UNIGRAM));
        return chart(
                "Held-out accuracy",
                "The share of masked tokens of held-out files that the model and two baselines fill correctly.",
                Axis.linear("tokens seen"),
                Axis.percent("masked tokens filled correctly"),
                series.toArray(Series[]::new));
    }

    private LineChart heldOutLoss() {
        return chart(
                "Held-out loss",
                "The mean cross-entropy per masked token of held-out files.",
                Axis.linear("tokens seen"),
                Axis.linear("nats per masked token"),
                Series.of("model", evaluated(Evaluation::loss), Stroke.SOLID, MODEL));
    }

    private LineChart accuracyByNoise() {
        var levels = eval.stream().map(EvalLine::noise).distinct().sorted().toList();
        var series = new ArrayList<Series>();
        for (int i = 0; i < levels.size(); i++) {
            double level = levels.get(i);
            var points = eval.stream()
                    .filter(line -> line.noise() == level)
                    .map(line -> new Point(line.tokens(), line.all().accuracy()))
                    .toList();
            var name = String.format(Locale.ROOT, "%.0f %% masked", 100 * level);
            series.add(Series.ranked(name, points, i, levels.size()));
        }
        return chart(
                "Held-out accuracy by share of masked tokens",
                "The share of masked tokens filled correctly, one curve per share of masked tokens.",
                Axis.linear("tokens seen"),
                Axis.percent("masked tokens filled correctly"),
                series.toArray(Series[]::new));
    }

    private LineChart learningRate() {
        return chart(
                "Learning rate",
                "The learning rate of the optimiser.",
                Axis.linear("tokens seen"),
                Axis.fromZero("learning rate"),
                Series.of("learning rate", points(TrainLine::learningRate), Stroke.SOLID, 1));
    }

    private LineChart throughput() {
        var raw = points(line -> line.timing().tokensPerSecond());
        return chart(
                "Throughput",
                "Tokens trained on per second.",
                Axis.linear("tokens seen"),
                Axis.fromZero("tokens per second"),
                Series.of("as logged", raw, Stroke.FAINT, 3),
                Series.of("smoothed", Curves.smooth(raw, halfLife(raw.size())), Stroke.SOLID, 3));
    }

    private LineChart gradientNorm() {
        var raw = points(TrainLine::gradientNorm);
        return chart(
                "Gradient norm",
                "The global norm of the gradient before clipping.",
                Axis.linear("tokens seen"),
                Axis.logarithmic("norm before clipping, logarithmic"),
                Series.of("as logged", raw, Stroke.FAINT, 2),
                Series.of("smoothed", Curves.smooth(raw, halfLife(raw.size())), Stroke.SOLID, 2));
    }

    private LineChart memory() {
        var resident = points(line -> {
            var bytes = line.timing().rssBytes();
            return bytes == null ? Double.NaN : bytes;
        });
        return chart(
                "Memory",
                "The resident memory of the process.",
                Axis.linear("tokens seen"),
                Axis.fromZero("bytes resident"),
                Series.of("resident", resident, Stroke.SOLID, 4));
    }

    private List<Point> points(ToDoubleFunction<TrainLine> value) {
        return train.stream()
                .map(line -> new Point(line.tokens(), value.applyAsDouble(line)))
                .toList();
    }

    private List<Point> evaluated(ToDoubleFunction<Evaluation> value) {
        return Evaluation.perStep(eval).stream()
                .map(e -> new Point(e.tokens(), value.applyAsDouble(e)))
                .toList();
    }

    private static LineChart chart(String title, String description, Axis x, Axis y, Series... series) {
        return new LineChart(title, description, x, y, List.of(series), WIDTH, HEIGHT);
    }
}
