package io.coda4j.diffusion.sampling;

/**
 * Exponential and logarithm of floats, computed in double from short series; the results are within one unit in the last
 * place of a float. Vocabulary-sized loops spend their time here. Unlike {@link Math#exp} they give the same bits on every
 * machine, so that a seed means the same run everywhere.
 */
final class FastFloat {
    private static final double LOG2_E = 1.4426950408889634;
    private static final double LN_2 = 0.6931471805599453;

    /** Adding and subtracting it rounds a small double to the nearest integer. */
    private static final double ROUND = 0x1.8p52;

    /** Below this the exponential is no normal float. */
    private static final float EXP_MIN = -87.3f;

    private FastFloat() {}

    /** {@code e^x} for x not above 0; 0 where the result would be subnormal, also for negative infinity; NaN stays NaN. */
    static float exp(float x) {
        if (x < EXP_MIN) {
            return 0;
        }
        double shifted = x * LOG2_E + ROUND;
        double r = x - (shifted - ROUND) * LN_2;
        double r2 = r * r;
        // |r| <= ln(2)/2, so the first omitted term r^8/8! is below 6e-9. Grouped in pairs, the sums do not wait for
        // each other.
        double low = 1 + r + r2 * (1 / 2.0 + r * (1 / 6.0));
        double high = 1 / 24.0 + r * (1 / 120.0) + r2 * (1 / 720.0 + r * (1 / 5040.0));
        double series = low + r2 * r2 * high;
        // The low bits of the shifted number are the integer; moved up they are the exponent of the power of two.
        return (float) (series * Double.longBitsToDouble((Double.doubleToRawLongBits(shifted) + 1023) << 52));
    }

    /** ln(x) for positive normal x. */
    static float log(float x) {
        int bits = Float.floatToRawIntBits(x);
        // Exponent chosen so that the mantissa lies in [sqrt(1/2), sqrt(2)).
        int exponent = (bits - 0x3F3504F3) >> 23;
        double m = Float.intBitsToFloat(bits - (exponent << 23));
        double s = (m - 1) / (m + 1);
        double q = s * s;
        // ln(m) = 2 atanh(s) with |s| < 0.172: the first omitted term 2 s^11/11 is below 1e-9.
        double tail = 1 / 3.0 + q * (1 / 5.0) + q * q * (1 / 7.0 + q * (1 / 9.0));
        double series = 2 * s * (1 + q * tail);
        return (float) (series + exponent * LN_2);
    }
}
