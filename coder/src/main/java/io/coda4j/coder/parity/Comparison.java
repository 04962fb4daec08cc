package io.coda4j.coder.parity;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/** Compares tensors of one case with their recorded values and remembers the largest errors and the first mismatch. */
final class Comparison {
    private final List<String> mismatches = new ArrayList<>();
    private double maxAbsolute;
    private double maxRelative;

    /**
     * Compares one tensor.
     *
     * @param name for the report
     * @param recorded as the reference computed it, finite
     * @param got of this engine
     * @throws ParityException if the shapes differ or a recorded number is not finite
     */
    void check(String name, Values recorded, Values got, Tolerance tolerance) {
        requireComparable(name, recorded, got);
        var difference = Difference.of(recorded.numbers(), got.numbers());
        maxAbsolute = Math.max(maxAbsolute, difference.absolute);
        switch (tolerance) {
            case Tolerance.Exact _ -> each(name, recorded, got, new double[recorded.size()], difference.ofLargest());
            case Tolerance.Absolute(double limit) ->
                each(name, recorded, got, filled(recorded.size(), limit), difference.ofLargest());
            case Tolerance.Relative(double limit) -> {
                var allowed = Arrays.stream(recorded.numbers())
                        .map(number -> limit * Math.abs(number))
                        .toArray();
                each(name, recorded, got, allowed, difference.relative);
            }
            case Tolerance.OfLargest(double limit, double floor) -> {
                double allowed = limit * Math.max(floor, difference.largest);
                each(name, recorded, got, filled(recorded.size(), allowed), difference.ofLargest());
            }
            case Tolerance.OfNorm(double limit, double slack) ->
                norm(name, recorded, got, limit * difference.norm + slack, difference);
        }
    }

    /** Compares one whole number, exactly. */
    void check(String name, long recorded, long got) {
        if (recorded != got) {
            mismatches.add(name + ": expected " + recorded + ", got " + got);
        }
    }

    private static double[] filled(int size, double value) {
        var values = new double[size];
        Arrays.fill(values, value);
        return values;
    }

    private static void requireComparable(String name, Values recorded, Values got) {
        if (!Arrays.equals(recorded.shape(), got.shape())) {
            throw new ParityException(name + ": the recorded shape is " + Arrays.toString(recorded.shape())
                    + ", this engine computes " + Arrays.toString(got.shape()));
        }
        for (int i = 0; i < recorded.size(); i++) {
            if (!Double.isFinite(recorded.numbers()[i])) {
                throw new ParityException(at(name, recorded.shape(), i) + ": the recorded value is "
                        + recorded.numbers()[i] + ", nothing can be compared with that");
            }
        }
    }

    private void each(String name, Values recorded, Values got, double[] allowed, double relative) {
        maxRelative = Math.max(maxRelative, relative);
        int worst = -1;
        int outside = 0;
        double worstExcess = 0;
        for (int i = 0; i < recorded.size(); i++) {
            double excess = Math.abs(recorded.numbers()[i] - got.numbers()[i]) - allowed[i];
            // Not "excess > 0": NaN is a mismatch too.
            if (!(excess <= 0)) {
                outside++;
                if (worst < 0 || Double.compare(excess, worstExcess) > 0) {
                    worst = i;
                    worstExcess = excess;
                }
            }
        }
        if (outside > 0) {
            var limit = allowed[worst] == 0 ? "" : ", difference at most " + shown(allowed[worst]);
            var others = outside == 1 ? "" : " (worst of " + outside + " of " + recorded.size() + " numbers)";
            mismatches.add(show(name, recorded, got, worst) + limit + others);
        }
    }

    private void norm(String name, Values recorded, Values got, double allowed, Difference difference) {
        maxRelative = Math.max(maxRelative, difference.ofNorm());
        if (!(difference.errorNorm <= allowed)) {
            mismatches.add(show(name, recorded, got, difference.worst) + ", the largest difference; their norm is "
                    + shown(difference.errorNorm) + ", at most " + shown(allowed));
        }
    }

    private static String show(String name, Values recorded, Values got, int index) {
        return at(name, recorded.shape(), index) + ": expected " + shown(recorded.numbers()[index]) + ", got "
                + shown(got.numbers()[index]);
    }

    private static String shown(double number) {
        return number == Math.rint(number) && Math.abs(number) < 1e15
                ? Long.toString((long) number)
                : Float.toString((float) number);
    }

    private static String at(String name, long[] shape, int index) {
        var coordinates = new long[shape.length];
        long rest = index;
        for (int axis = shape.length - 1; axis >= 0; axis--) {
            coordinates[axis] = rest % shape[axis];
            rest /= shape[axis];
        }
        return name + LongStream.of(coordinates).mapToObj(Long::toString).collect(Collectors.joining(",", "[", "]"));
    }

    double maxAbsolute() {
        return maxAbsolute;
    }

    /** In the measure of the tolerance: of each number, of the tensor's largest number, or of its norm. */
    double maxRelative() {
        return maxRelative;
    }

    /** Where the first tensor that differs too much differs most, or null if all is well. */
    @Nullable
    String mismatch() {
        if (mismatches.isEmpty()) {
            return null;
        }
        int more = mismatches.size() - 1;
        return mismatches.getFirst()
                + (more == 0 ? "" : "; " + more + (more == 1 ? " more tensor differs" : " more tensors differ"));
    }

    /** Differences of two tensors in several measures. */
    private record Difference(
            int worst, double absolute, double relative, double largest, double errorNorm, double norm) {
        static Difference of(double[] recorded, double[] got) {
            int worst = 0;
            double absolute = 0;
            double relative = 0;
            double largest = 0;
            double errors = 0;
            double squares = 0;
            for (int i = 0; i < recorded.length; i++) {
                double error = Math.abs(recorded[i] - got[i]);
                if (Double.compare(error, absolute) > 0) {
                    absolute = error;
                    worst = i;
                }
                relative = Math.max(relative, ratio(error, Math.abs(recorded[i])));
                largest = Math.max(largest, Math.abs(recorded[i]));
                errors += error * error;
                squares += recorded[i] * recorded[i];
            }
            return new Difference(worst, absolute, relative, largest, Math.sqrt(errors), Math.sqrt(squares));
        }

        private static double ratio(double error, double of) {
            return error == 0 ? 0 : error / of;
        }

        double ofLargest() {
            return ratio(absolute, largest);
        }

        double ofNorm() {
            return ratio(errorNorm, norm);
        }
    }
}
