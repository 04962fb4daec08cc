package io.coda4j.coder.report;

import io.coda4j.coder.metrics.Quantity;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.DoubleStream;

/**
 * A line chart as SVG text, to be put into a page that has this package's style sheet.
 *
 * <p>Points outside what an axis can show leave gaps, a point without neighbours is drawn as a dot, and a chart without
 * any point says so. More than {@value #POINTS} points per curve are thinned without losing spikes.
 *
 * @param title the heading
 * @param description one sentence for readers who do not see the chart
 * @param x the horizontal axis
 * @param y the vertical axis
 * @param series the curves, drawn in this order
 * @param width the width in pixels at full size
 * @param height the height in pixels at full size, legend included
 */
public record LineChart(String title, String description, Axis x, Axis y, List<Series> series, int width, int height) {
    static final int POINTS = 1000;

    private static final double SMALLEST_RANGE = 1e-290;
    private static final int LEFT = 58;
    private static final int RIGHT = 22;
    private static final int TOP = 52;
    private static final int AXIS_HEIGHT = 44;
    private static final int LEGEND_ROW = 20;
    private static final double LABEL_CHARACTER = 6.9;
    private static final double TICK_CHARACTER = 6.6;

    public LineChart {
        series = List.copyOf(series);
    }

    /** The chart as an {@code svg} element. */
    public String svg() {
        var thin = series.stream()
                .map(s -> new Series(s.name(), Curves.downsample(s.points(), POINTS, x), s.stroke(), s.color()))
                .toList();
        var legend = legend(thin);
        int legendRows = legend.isEmpty() ? 0 : legend.getLast().row() + 1;
        var plot = plot(thin, height - AXIS_HEIGHT - LEGEND_ROW * legendRows);
        var id = "chart-" + Integer.toHexString((title + x.label()).hashCode());
        var svg = new Markup();
        svg.open("svg", attributes(id));
        svg.element("title", title, "id", id + "-t").element("desc", description, "id", id + "-d");
        svg.element("text", title, "class", "chart-title", "x", "0", "y", "16");
        svg.element("text", y.label(), "class", "label", "x", "0", "y", "36");
        drawAxes(svg, plot);
        if (plot.isEmpty()) {
            svg.element("text", "no data", "class", "label middle", "x", number(plot.centre()), "y", "100");
        }
        thin.forEach(s -> drawSeries(svg, s, plot));
        // The empty title keeps the browser from showing the chart's own title over the plot.
        svg.open("rect", plot.rectangle("hit")).open("title").close().close();
        legend.forEach(entry -> drawLegend(svg, entry, plot.bottom() + AXIS_HEIGHT));
        return svg.close().newline().toString();
    }

    private String[] attributes(String id) {
        return new String[] {
            "xmlns",
            "http://www.w3.org/2000/svg",
            "class",
            "chart",
            "role",
            "img",
            "aria-labelledby",
            id + "-t " + id + "-d",
            "viewBox",
            "0 0 " + width + " " + height,
            "data-x-label",
            x.label()
        };
    }

    /** A stretch of an axis and the pixels it covers. */
    private record Extent(Axis axis, double low, double high, double from, double to) {
        double pixel(double value) {
            double low = axis.position(this.low);
            return from + (axis.position(value) - low) / (axis.position(high) - low) * (to - from);
        }
    }

    private record Plot(Extent x, Extent y, boolean isEmpty) {
        double bottom() {
            return y.from();
        }

        double centre() {
            return (x.from() + x.to()) / 2;
        }

        boolean canShow(Point point) {
            return x.axis().canShow(point.x()) && y.axis().canShow(point.y());
        }

        String[] rectangle(String cssClass) {
            return new String[] {
                "class", cssClass,
                "x", number(x.from()),
                "y", number(y.to()),
                "width", number(x.to() - x.from()),
                "height", number(y.from() - y.to())
            };
        }
    }

    private Plot plot(List<Series> thin, int bottom) {
        var points = thin.stream()
                .flatMap(s -> s.points().stream())
                .filter(p -> x.canShow(p.x()) && y.canShow(p.y()))
                .toList();
        var horizontal = extent(x, points.stream().mapToDouble(Point::x), LEFT, width - RIGHT, false);
        var vertical = extent(y, points.stream().mapToDouble(Point::y), bottom, TOP, true);
        return new Plot(horizontal, vertical, points.isEmpty());
    }

    private static Extent extent(Axis axis, DoubleStream values, double from, double to, boolean nice) {
        var summary = values.summaryStatistics();
        double low = summary.getCount() == 0 ? 1 : summary.getMin();
        double high = summary.getCount() == 0 ? 1 : summary.getMax();
        if (axis.fromZero()) {
            low = Math.min(0, low);
            high = Math.max(0, high);
        }
        // A single value, or values too close for double arithmetic, get some room around them.
        double magnitude = Math.max(Math.abs(low), Math.abs(high));
        if (!(high - low > Math.max(1e-9 * magnitude, SMALLEST_RANGE)) && !(axis.logarithmic() && high / low > 1.01)) {
            double room = magnitude > SMALLEST_RANGE ? magnitude / 10 : 1;
            low = axis.logarithmic() ? low / 2 : low - room;
            high = axis.logarithmic() ? high * 2 : high + room;
        }
        if (nice && !axis.logarithmic()) {
            var ends = Ticks.roundOutward(low, high, count(axis, from, to));
            low = ends.low();
            high = ends.high();
        }
        return new Extent(axis, low, high, from, to);
    }

    private static int count(Axis axis, double from, double to) {
        boolean horizontal = to > from;
        return Math.max(2, (int) (Math.abs(to - from) / (horizontal ? axis.logarithmic() ? 60 : 85 : 42)));
    }

    private static Ticks ticks(Extent extent) {
        int count = count(extent.axis(), extent.from(), extent.to());
        return extent.axis().logarithmic()
                ? Ticks.logarithmic(extent.low(), extent.high(), count)
                : Ticks.linear(extent.low(), extent.high(), count, extent.axis().percent());
    }

    private void drawAxes(Markup svg, Plot plot) {
        var vertical = ticks(plot.y());
        double lastY = Double.POSITIVE_INFINITY;
        for (int i = 0; i < vertical.values().size(); i++) {
            double at = plot.y().pixel(vertical.values().get(i));
            line(svg, "grid", plot.x().from(), at, plot.x().to(), at);
            if (lastY - at >= 14) {
                svg.element(
                        "text",
                        vertical.labels().get(i),
                        "class",
                        "tick end",
                        "x",
                        number(LEFT - 8),
                        "y",
                        number(at + 4));
                lastY = at;
            }
        }
        var horizontal = ticks(plot.x());
        double bottom = plot.bottom();
        double free = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < horizontal.values().size(); i++) {
            double at = plot.x().pixel(horizontal.values().get(i));
            line(svg, "mark", at, bottom, at, bottom + 5);
            var label = horizontal.labels().get(i);
            double half = label.length() * TICK_CHARACTER / 2;
            if (at - half >= free) {
                svg.element("text", label, "class", "tick middle", "x", number(at), "y", number(bottom + 19));
                free = at + half + 8;
            }
        }
        line(svg, "axis", plot.x().from(), bottom, plot.x().to(), bottom);
        svg.element("text", x.label(), "class", "label end", "x", number(width - RIGHT), "y", number(bottom + 36));
    }

    private static void line(Markup svg, String cssClass, double x1, double y1, double x2, double y2) {
        svg.empty("line", "class", cssClass, "x1", number(x1), "y1", number(y1), "x2", number(x2), "y2", number(y2));
    }

    private void drawSeries(Markup svg, Series series, Plot plot) {
        var path = new StringBuilder();
        var dots = new ArrayList<Point>();
        var segment = new ArrayList<Point>();
        for (var point : series.points()) {
            if (plot.canShow(point)) {
                segment.add(point);
            } else {
                endSegment(segment, path, dots, plot);
            }
        }
        endSegment(segment, path, dots, plot);
        var style = "series " + series.stroke().name().toLowerCase(Locale.ROOT) + " " + series.color();
        svg.open("g", "class", style, "data-name", series.name(), "data-points", values(series, plot));
        if (!path.isEmpty()) {
            svg.empty("path", "d", path.toString());
        }
        for (var dot : dots) {
            var cx = number(plot.x().pixel(dot.x()));
            svg.empty("circle", "cx", cx, "cy", number(plot.y().pixel(dot.y())), "r", "3");
        }
        svg.close();
    }

    private static void endSegment(List<Point> segment, StringBuilder path, List<Point> dots, Plot plot) {
        if (segment.size() == 1) {
            dots.add(segment.getFirst());
        } else {
            var command = "M";
            for (var point : segment) {
                path.append(command)
                        .append(number(plot.x().pixel(point.x())))
                        .append(' ')
                        .append(number(plot.y().pixel(point.y())));
                command = "L";
            }
        }
        segment.clear();
    }

    /** Pixel, x and y of every point, with y as it is to be read: the script in the page only has to look them up. */
    private String values(Series series, Plot plot) {
        return series.points().stream()
                .filter(plot::canShow)
                .map(p -> number(plot.x().pixel(p.x()))
                        + ","
                        + Quantity.compact(p.x())
                        + ","
                        + (y.percent() ? Quantity.percent(p.y()) : Quantity.compact(p.y())))
                .collect(Collectors.joining(";"));
    }

    private record Entry(Series series, int row, double left) {}

    /** Places the legend's entries in as many rows as they need. One nameless curve needs no legend. */
    private List<Entry> legend(List<Series> thin) {
        var entries = new ArrayList<Entry>();
        int row = 0;
        double left = LEFT;
        for (var s : thin) {
            double needed = 30 + s.name().length() * LABEL_CHARACTER + 14;
            if (left + needed > width && left > LEFT) {
                row++;
                left = LEFT;
            }
            entries.add(new Entry(s, row, left));
            left += needed;
        }
        return thin.size() == 1 ? List.of() : entries;
    }

    private static void drawLegend(Markup svg, Entry entry, double top) {
        double middle = top + LEGEND_ROW * entry.row() + 8;
        var stroke = entry.series().stroke().name().toLowerCase(Locale.ROOT);
        svg.open("g", "class", "series key " + stroke + " " + entry.series().color());
        svg.empty("path", "d", "M" + number(entry.left()) + " " + number(middle) + "h22")
                .close();
        svg.element(
                "text",
                entry.series().name(),
                "class",
                "label",
                "x",
                number(entry.left() + 28),
                "y",
                number(middle + 4));
    }

    /** One decimal is a tenth of a pixel. */
    private static String number(double value) {
        long tenths = Math.round(value * 10);
        return tenths % 10 == 0 ? Long.toString(tenths / 10) : Double.toString(tenths / 10.0);
    }
}
