package io.coda4j.coder.report;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.report.Series.Stroke;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

class LineChartProperties {
    private static final Pattern COORDINATE = Pattern.compile("[ML]([-0-9.E]+) ([-0-9.E]+)");

    @Provide
    Arbitrary<List<Double>> values() {
        var special = Arbitraries.of(
                0.0,
                -0.0,
                1.0,
                Math.nextUp(1.0),
                -1e-310,
                Double.MIN_VALUE,
                1e-30,
                1e30,
                Double.MAX_VALUE,
                Double.NaN,
                Double.POSITIVE_INFINITY,
                Double.NEGATIVE_INFINITY);
        var ordinary = Arbitraries.doubles().between(-1e6, 1e6);
        var any = Arbitraries.longs().map(Double::longBitsToDouble);
        return Arbitraries.oneOf(List.of(special, ordinary, any)).list().ofMaxSize(30);
    }

    @Property(tries = 500)
    void anyDataIsDrawnInsideTheChart(
            @ForAll("values") List<Double> xs,
            @ForAll("values") List<Double> ys,
            @ForAll boolean logX,
            @ForAll boolean logY) {
        var points = new ArrayList<Point>();
        for (int i = 0; i < Math.min(xs.size(), ys.size()); i++) {
            points.add(new Point(xs.get(i), ys.get(i)));
        }
        var x = logX ? Axis.logarithmic("x") : Axis.linear("x");
        for (var y : logY ? List.of(Axis.logarithmic("y")) : List.of(Axis.linear("y"), Axis.percent("y"))) {
            var series = List.of(Series.of("one", points, Stroke.SOLID, 0));
            var svg = new LineChart("t", "d", x, y, series, 560, 320).svg();
            assertFalse(svg.contains("NaN") || svg.contains("Infinity"), svg);
            var matcher = COORDINATE.matcher(svg);
            while (matcher.find()) {
                double px = Double.parseDouble(matcher.group(1));
                double py = Double.parseDouble(matcher.group(2));
                assertTrue(px >= 57.9 && px <= 538.1 && py >= 51.9 && py <= 276.1, () -> px + " " + py);
            }
        }
    }
}
