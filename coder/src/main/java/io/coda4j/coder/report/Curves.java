package io.coda4j.coder.report;

import java.util.ArrayList;
import java.util.List;

/** Making many points fewer and noisy ones smooth. */
final class Curves {
    private Curves() {}

    /**
     * At most {@code limit} of the points, but at least four, in order of x. The axis is cut into pieces of equal width
     * on paper, and the lowest and highest point of each stay, so no spike is lost; so do the first and the last point.
     * Points the x axis cannot show are dropped; a piece without any finite y becomes one gap.
     */
    static List<Point> downsample(List<Point> points, int limit, Axis axis) {
        var shown = points.stream()
                .filter(point -> axis.canShow(point.x()))
                .sorted((a, b) -> Double.compare(a.x(), b.x()))
                .toList();
        if (shown.size() <= Math.max(4, limit)) {
            return shown;
        }
        double first = axis.position(shown.getFirst().x());
        double width = axis.position(shown.getLast().x()) - first;
        int last = shown.size() - 1;
        int pieces = Math.max(1, limit / 2 - 1);
        var kept = new ArrayList<Point>(limit);
        kept.add(shown.getFirst());
        int start = 1;
        for (int i = 2; i <= last; i++) {
            if (i == last
                    || piece(shown.get(i), axis, first, width, pieces)
                            != piece(shown.get(start), axis, first, width, pieces)) {
                keepExtremes(shown.subList(start, i), kept);
                start = i;
            }
        }
        kept.add(shown.getLast());
        return kept;
    }

    /**
     * An exponential moving average in order of the list, with a half-life of {@code halfLife} points, but at most a
     * tenth of the points so far: at its start a loss falls too fast for a long memory. A point that is not finite
     * stays as it is and does not count.
     */
    static List<Point> smooth(List<Point> points, double halfLife) {
        var smooth = new ArrayList<Point>(points.size());
        double mean = 0;
        int count = 0;
        for (var point : points) {
            if (Double.isFinite(point.y())) {
                double memory = Math.min(halfLife, count / 10.0);
                double keep = memory > 0 ? Math.pow(0.5, 1 / memory) : 0;
                mean = keep * mean + (1 - keep) * point.y();
                count++;
                smooth.add(new Point(point.x(), mean));
            } else {
                smooth.add(point);
            }
        }
        return smooth;
    }

    private static int piece(Point point, Axis axis, double first, double width, int pieces) {
        return width > 0 ? (int) Math.min(pieces - 1, (axis.position(point.x()) - first) / width * pieces) : 0;
    }

    private static void keepExtremes(List<Point> piece, List<Point> kept) {
        int low = -1;
        int high = -1;
        for (int i = 0; i < piece.size(); i++) {
            double y = piece.get(i).y();
            if (Double.isFinite(y)) {
                low = low < 0 || y < piece.get(low).y() ? i : low;
                high = high < 0 || y > piece.get(high).y() ? i : high;
            }
        }
        if (low < 0) {
            kept.add(piece.getFirst());
            return;
        }
        kept.add(piece.get(Math.min(low, high)));
        if (low != high) {
            kept.add(piece.get(Math.max(low, high)));
        }
    }
}
