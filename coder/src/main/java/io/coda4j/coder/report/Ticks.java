package io.coda4j.coder.report;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.ArrayList;
import java.util.List;

/**
 * The values an axis is labelled at: multiples of 1, 2 or 5 times a power of ten.
 *
 * @param values ascending, in data coordinates
 * @param labels one per value, all with the same unit and number of decimals on a linear axis
 */
record Ticks(List<Double> values, List<String> labels) {
    /** Ticks between {@code low} and {@code high}, both included, in steps of about {@code (high - low) / count}. */
    static Ticks linear(double low, double high, int count, boolean percent) {
        double factor = percent ? 100 : 1;
        var step = step((high - low) * factor / Math.max(1, count));
        var unit = percent ? Unit.PERCENT : Unit.of(Math.max(Math.abs(low), Math.abs(high)), 1e4);
        int decimals = Math.max(
                0, step.movePointLeft(unit.exponent()).stripTrailingZeros().scale());
        var values = new ArrayList<Double>();
        var labels = new ArrayList<String>();
        double tolerance = 1e-9 * (high - low) * factor;
        // Decimal arithmetic, so that the third multiple of 0.1 is 0.3.
        var tick = multiple(low * factor - tolerance, step, RoundingMode.CEILING);
        for (; tick.doubleValue() <= high * factor + tolerance; tick = tick.add(step)) {
            values.add(tick.doubleValue() / factor);
            labels.add(unit.label(tick, decimals));
        }
        return new Ticks(List.copyOf(values), List.copyOf(labels));
    }

    /** Powers of ten between {@code low} and {@code high}, with 2 and 5 times them if fewer than four decades show. */
    static Ticks logarithmic(double low, double high, int count) {
        int first = (int) Math.floor(Math.log10(low));
        int last = (int) Math.ceil(Math.log10(high));
        int stride = Math.max(1, (int) Math.ceil((last - first) / (double) Math.max(1, count)));
        int[] multiples = last - first < 4 ? new int[] {1, 2, 5} : new int[] {1};
        var values = new ArrayList<Double>();
        var labels = new ArrayList<String>();
        for (int exponent = first; exponent <= last; exponent += stride) {
            for (int multiple : multiples) {
                var tick = BigDecimal.valueOf(multiple).scaleByPowerOfTen(exponent);
                if (tick.doubleValue() >= low * (1 - 1e-9) && tick.doubleValue() <= high * (1 + 1e-9)) {
                    values.add(tick.doubleValue());
                    labels.add(Unit.of(tick.doubleValue(), 1e3).label(tick, -1));
                }
            }
        }
        return new Ticks(List.copyOf(values), List.copyOf(labels));
    }

    /** The ends of an axis. */
    record Ends(double low, double high) {}

    /** The smallest range around {@code low} and {@code high} whose ends are ticks of {@link #linear}. */
    static Ends roundOutward(double low, double high, int count) {
        var ends = new Ends(low, high);
        while (true) {
            // A wider range can ask for a wider step, for which the ends must be rounded again.
            var step = step((ends.high - ends.low) / Math.max(1, count));
            var wider = new Ends(
                    multiple(ends.low, step, RoundingMode.FLOOR).doubleValue(),
                    multiple(ends.high, step, RoundingMode.CEILING).doubleValue());
            if (wider.equals(ends)) {
                return ends;
            }
            ends = wider;
        }
    }

    private static BigDecimal multiple(double value, BigDecimal step, RoundingMode rounding) {
        return BigDecimal.valueOf(value).divide(step, 0, rounding).multiply(step);
    }

    /** The nearest of 1, 2, 5 times a power of ten that is not much smaller than {@code raw}. */
    private static BigDecimal step(double raw) {
        int exponent = (int) Math.floor(Math.log10(raw));
        double mantissa = raw / Math.pow(10, exponent);
        int nice = mantissa <= 1.2 ? 1 : mantissa <= 2.5 ? 2 : mantissa <= 6 ? 5 : 10;
        return BigDecimal.valueOf(nice).scaleByPowerOfTen(exponent);
    }

    /** A common power of ten and how it is written. */
    private record Unit(int exponent, String suffix) {
        static final Unit PERCENT = new Unit(0, " %");
        private static final String SUFFIXES = " kMGT";

        /** The unit for numbers up to {@code largest}; from {@code thousand} on they are written with a suffix. */
        static Unit of(double largest, double thousand) {
            if (largest > 0 && largest < 1e-3) {
                return power((int) Math.floor(Math.log10(largest) + 1e-9));
            }
            if (largest < thousand) {
                return new Unit(0, "");
            }
            int group = (int) Math.floor(Math.log10(largest) / 3 + 1e-9);
            return group < SUFFIXES.length()
                    ? new Unit(3 * group, SUFFIXES.substring(group, group + 1))
                    : power(3 * group);
        }

        private static Unit power(int exponent) {
            return new Unit(exponent, "e" + exponent);
        }

        /** Writes a value with a number of decimals, or with as many as it needs if {@code decimals} is -1. */
        String label(BigDecimal value, int decimals) {
            if (value.signum() == 0) {
                return equals(PERCENT) ? "0 %" : "0";
            }
            var scaled = value.movePointLeft(exponent);
            var number = decimals < 0 ? scaled.stripTrailingZeros() : scaled.setScale(decimals, RoundingMode.HALF_EVEN);
            return number.toPlainString() + suffix;
        }
    }
}
