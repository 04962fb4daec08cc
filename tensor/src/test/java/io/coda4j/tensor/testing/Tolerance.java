package io.coda4j.tensor.testing;

import io.coda4j.tensor.DType;

/**
 * How far a result may be from the reference, which depends only on its element type and on how many terms are combined
 * into one element.
 *
 * @param relative largest difference relative to the expected element, or to the largest expected one if {@code scaled}
 * @param floor differences up to this are always allowed: the smallest normal number, below which devices may flush; F16,
 *     which is computed in F32, must keep its subnormal numbers to some units
 * @param scaled whether terms may cancel, so that an element's error is relative to its terms and not to itself
 */
public record Tolerance(double relative, double floor, boolean scaled) {
    /** Equal bits, save that one NaN is as good as another. */
    public static final Tolerance EXACT = new Tolerance(0, 0, false);

    /**
     * The tolerance for results of {@code dtype}.
     *
     * @param terms 0 where elements are moved, chosen or compared; 1 for functions of an element; else the length of
     *     the longest sum
     */
    public static Tolerance of(DType dtype, int terms) {
        if (terms == 0 || !dtype.isFloat()) {
            return EXACT;
        }
        double stored = 4 * unit(dtype);
        return terms == 1
                ? new Tolerance(stored, floor(dtype), false)
                : new Tolerance(stored + 8 * unit(dtype.accumulator()) * Math.sqrt(terms), floor(dtype), true);
    }

    /** The distance from 1 to the next number. */
    private static double unit(DType dtype) {
        return switch (dtype) {
            case F16 -> 0x1p-10;
            case BF16 -> 0x1p-7;
            case F32 -> 0x1p-23;
            case F64 -> 0x1p-52;
            case BOOL, I8, I32 -> throw new IllegalArgumentException(dtype + " is exact");
        };
    }

    private static double floor(DType dtype) {
        return switch (dtype) {
            case F16 -> 4 * 0x1p-24;
            case BF16, F32 -> Float.MIN_NORMAL;
            case F64 -> Double.MIN_NORMAL;
            case BOOL, I8, I32 -> throw new IllegalArgumentException(dtype + " is exact");
        };
    }
}
