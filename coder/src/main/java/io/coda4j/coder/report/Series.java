package io.coda4j.coder.report;

import java.util.List;

/**
 * One curve of a chart.
 *
 * @param name its name in the legend
 * @param points its points in any order
 * @param stroke how it is drawn
 * @param color its colour, a name the style sheet knows: {@code c0} to {@code c5} or {@code r0} to {@code r9}
 */
public record Series(String name, List<Point> points, Stroke stroke, String color) {
    /** How a curve is drawn. */
    public enum Stroke {
        /** A strong line. */
        SOLID,
        /** A thin pale line, for raw values behind a smoothed curve. */
        FAINT,
        /** A dashed line, for baselines. */
        DASHED
    }

    private static final int CATEGORIES = 6;
    private static final int RAMP = 10;

    public Series {
        points = List.copyOf(points);
    }

    /** A curve in the i-th of six colours that are told apart easily. */
    public static Series of(String name, List<Point> points, Stroke stroke, int i) {
        return new Series(name, points, stroke, "c" + i % CATEGORIES);
    }

    /** The i-th of n curves that have an order, coloured along a ramp from blue to red. */
    public static Series ranked(String name, List<Point> points, int i, int n) {
        return new Series(name, points, Stroke.SOLID, "r" + (n < 2 ? 0 : Math.round((RAMP - 1f) * i / (n - 1))));
    }
}
