package io.coda4j.coder.report;

/**
 * One axis of a chart.
 *
 * @param label what is shown and in which unit
 * @param logarithmic whether equal distances are equal ratios; values that are not positive are then left out
 * @param percent whether values are shares to be labelled in percent
 * @param fromZero whether zero is always in sight
 */
public record Axis(String label, boolean logarithmic, boolean percent, boolean fromZero) {
    /** Beyond this, differences and ratios of values overflow. */
    private static final double LARGEST = 1e300;

    /** An axis that spans the data. */
    public static Axis linear(String label) {
        return new Axis(label, false, false, false);
    }

    /** A logarithmic axis that spans the data. */
    public static Axis logarithmic(String label) {
        return new Axis(label, true, false, false);
    }

    /** A linear axis that starts at zero. */
    public static Axis fromZero(String label) {
        return new Axis(label, false, false, true);
    }

    /** A linear axis of shares that starts at 0 %. */
    public static Axis percent(String label) {
        return new Axis(label, false, true, true);
    }

    /** The number that distances on the axis are proportional to. */
    double position(double value) {
        return logarithmic ? Math.log10(value) : value;
    }

    boolean canShow(double value) {
        return Math.abs(value) < LARGEST && (!logarithmic || value > 1 / LARGEST);
    }
}
