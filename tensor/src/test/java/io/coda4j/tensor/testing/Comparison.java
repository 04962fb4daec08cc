package io.coda4j.tensor.testing;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Shape;
import java.util.Arrays;

/** Compares arrays and says where and by how much they differ. */
public final class Comparison {
    private Comparison() {}

    /**
     * Fails unless {@code got} is {@code expected} within {@code tolerance}.
     *
     * @param what the start of the failure message
     */
    public static void check(String what, Array expected, Array got, Tolerance tolerance) {
        if (!expected.type().equals(got.type())) {
            throw new AssertionError(what + ": expected type " + expected.type() + ", got " + got.type());
        }
        check(what, expected.shape(), expected.toDoubles(), got.toDoubles(), tolerance);
    }

    /** As the other, for values of one shape in row-major order. */
    public static void check(String what, Shape shape, double[] expected, double[] got, Tolerance tolerance) {
        double scale =
                Arrays.stream(expected).map(Math::abs).filter(Double::isFinite).reduce(1, Math::max);
        int bad = 0;
        int worst = -1;
        double maxAbsolute = 0;
        double maxRelative = 0;
        for (int i = 0; i < expected.length; i++) {
            double difference = Math.abs(expected[i] - got[i]);
            if (agree(expected[i], got[i], scale, tolerance)) {
                continue;
            }
            bad++;
            if (worst < 0 || !(difference <= maxAbsolute)) {
                worst = i;
                maxAbsolute = difference;
            }
            maxRelative = Math.max(maxRelative, difference / Math.abs(expected[i]));
        }
        if (bad > 0) {
            throw new AssertionError(
                    "%s: %d of %d elements differ; max abs %.3g, max rel %.3g; worst at %s: expected %s, got %s (allowed: %s)"
                            .formatted(
                                    what,
                                    bad,
                                    expected.length,
                                    maxAbsolute,
                                    maxRelative,
                                    index(shape, worst),
                                    expected[worst],
                                    got[worst],
                                    tolerance));
        }
    }

    private static boolean agree(double expected, double got, double scale, Tolerance tolerance) {
        if (Double.isNaN(expected) || Double.isInfinite(expected) || tolerance.equals(Tolerance.EXACT)) {
            return Double.compare(expected, got) == 0;
        }
        // Functions of one element keep the sign of zero; sums of terms that cancel need not.
        if (!tolerance.scaled() && expected == 0 && got == 0) {
            return Double.compare(expected, got) == 0;
        }
        double size = tolerance.scaled() ? scale : Math.abs(expected);
        return Math.abs(expected - got) <= tolerance.relative() * size + tolerance.floor();
    }

    private static String index(Shape shape, int position) {
        int[] index = new int[shape.rank()];
        for (int axis = index.length - 1; axis >= 0; axis--) {
            index[axis] = position % shape.dim(axis);
            position /= shape.dim(axis);
        }
        return Arrays.toString(index);
    }
}
