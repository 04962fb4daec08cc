package io.coda4j.coder.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class CurvesProperties {
    private static List<Point> walk(int n, long seed) {
        var random = new Random(seed);
        return IntStream.range(0, n)
                .mapToObj(i -> new Point(i, random.nextInt(10) == 0 ? Double.NaN : random.nextGaussian()))
                .toList();
    }

    private static double[] finite(List<Point> points) {
        return points.stream().mapToDouble(Point::y).filter(Double::isFinite).toArray();
    }

    @Property(tries = 100)
    void thinningKeepsOrderLimitAndExtremes(
            @ForAll @IntRange(min = 1, max = 5000) int n,
            @ForAll @IntRange(min = 4, max = 500) int limit,
            @ForAll long seed) {
        var points = walk(n, seed);
        for (var axis : List.of(Axis.linear("x"), Axis.logarithmic("x"))) {
            var shown = points.stream().filter(p -> axis.canShow(p.x())).toList();
            var thin = Curves.downsample(points, limit, axis);
            assertTrue(thin.size() <= limit, () -> thin.size() + " points");
            assertTrue(shown.containsAll(thin));
            if (!shown.isEmpty()) {
                assertEquals(shown.getFirst(), thin.getFirst());
                assertEquals(shown.getLast(), thin.getLast());
            }
            for (int i = 1; i < thin.size(); i++) {
                assertTrue(thin.get(i - 1).x() < thin.get(i).x());
            }
            var before = finite(shown);
            var after = finite(thin);
            assertEquals(
                    Arrays.stream(before).summaryStatistics().getMax(),
                    Arrays.stream(after).summaryStatistics().getMax());
            assertEquals(
                    Arrays.stream(before).summaryStatistics().getMin(),
                    Arrays.stream(after).summaryStatistics().getMin());
        }
    }

    @Property(tries = 100)
    void smoothingStaysWithinTheValuesAndKeepsGaps(@ForAll @IntRange(min = 1, max = 500) int n, @ForAll long seed) {
        var points = walk(n, seed);
        var smooth = Curves.smooth(points, 10);
        var range = Arrays.stream(finite(points)).summaryStatistics();
        for (int i = 0; i < n; i++) {
            double y = smooth.get(i).y();
            assertEquals(Double.isNaN(points.get(i).y()), Double.isNaN(y));
            assertTrue(Double.isNaN(y) || y >= range.getMin() - 1e-12 && y <= range.getMax() + 1e-12);
        }
        assertEquals(points, Curves.smooth(points, 0));
    }
}
