package io.coda4j.tensor.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Elementary functions of F32 vectors by polynomials of this project, so that their bits are the same on every machine.
 *
 * <p>The coefficients minimise the greatest relative error of the function over its reduced interval; the stated errors
 * include rounding and are checked by {@code VectorMathTest} over all of the range.
 *
 * <p>C2 stops inlining in a method whose graph has 18,000 nodes, and every vector that is passed on from there becomes an
 * object. An operation on vectors costs about 430 of them, one with a number 640, because the number becomes a vector by
 * nine calls, and {@code test(IS_NAN)} 2,300. So numbers are vectors here from the start: with them the exponential takes
 * 8,200 nodes, where it took 12,400.
 */
final class VectorMath {
    /** Adding this to |x| below 2^22 leaves x rounded to an integer in the low bits of the sum. */
    static final float ROUNDER = 0x1.8p23f;

    static final float LOG2_E = (float) (1 / Math.log(2));

    /** ln 2 in 16 bits, so that its product with an exponent is exact, and the rest. */
    static final float LN2_HIGH = 0x1.62e4p-1f;

    static final float LN2_LOW = (float) (Math.log(2) - LN2_HIGH);

    /** The greatest float whose exponential is finite, and the least whose exponential is a normal number. */
    static final float EXP_MAX = 88.72283f;

    static final float EXP_MIN = -87.33654f;

    /** Of (e^r - 1 - r) / r^2, from the highest power. */
    static final float[] EXP = {0x1.6a23dp-10f, 0x1.123a2p-7f, 0x1.5558f2p-5f, 0x1.555492p-3f, 0x1.fffffcp-2f};

    /** Of (log(1 + f) - f + f^2 / 2) / f^3, from the highest power. */
    static final float[] LOG = {
        0x1.14631ap-4f,
        -0x1.de4fa2p-4f,
        0x1.e6f604p-4f,
        -0x1.fc1f6ap-4f,
        0x1.2336e2p-3f,
        -0x1.555c5ap-3f,
        0x1.99a4bcp-3f,
        -0x1.000006p-2f,
        0x1.555548p-2f
    };

    /** The bits of sqrt(1/2). */
    static final int SQRT_HALF = 0x3f3504f3;

    private static final FloatVector ROUNDERS = all(ROUNDER);
    private static final FloatVector LOG2_ES = all(LOG2_E);
    private static final FloatVector MINUS_LN2_HIGH = all(-LN2_HIGH);
    private static final FloatVector MINUS_LN2_LOW = all(-LN2_LOW);
    private static final FloatVector EXP_MAXIMA = all(EXP_MAX);
    private static final FloatVector EXP_MINIMA = all(EXP_MIN);
    private static final FloatVector EXP_0 = all(EXP[0]);
    private static final FloatVector EXP_1 = all(EXP[1]);
    private static final FloatVector EXP_2 = all(EXP[2]);
    private static final FloatVector EXP_3 = all(EXP[3]);
    private static final FloatVector EXP_4 = all(EXP[4]);
    private static final FloatVector LN2_HIGHS = all(LN2_HIGH);
    private static final FloatVector LN2_LOWS = all(LN2_LOW);
    private static final FloatVector LEAST_NORMAL = all(Float.MIN_NORMAL);

    /** What makes a subnormal number a normal one, and its exponent. */
    static final float LIFT = 0x1p23f;

    static final int LIFT_BIT = 23;
    private static final FloatVector LIFTS = all(LIFT);
    private static final FloatVector LIFT_BITS = all(LIFT_BIT);
    private static final IntVector SQRT_HALVES = IntVector.broadcast(Lanes.I32, SQRT_HALF);
    private static final IntVector FRACTIONS = IntVector.broadcast(Lanes.I32, 0x7fffff);

    private static final FloatVector LOG_0 = all(LOG[0]);
    private static final FloatVector LOG_1 = all(LOG[1]);
    private static final FloatVector LOG_2 = all(LOG[2]);
    private static final FloatVector LOG_3 = all(LOG[3]);
    private static final FloatVector LOG_4 = all(LOG[4]);
    private static final FloatVector LOG_5 = all(LOG[5]);
    private static final FloatVector LOG_6 = all(LOG[6]);
    private static final FloatVector LOG_7 = all(LOG[7]);
    private static final FloatVector LOG_8 = all(LOG[8]);
    private static final FloatVector MINUS_HALVES = all(-0.5f);
    private static final FloatVector ZEROS = all(0);
    private static final FloatVector MINUS_INFINITIES = all(Float.NEGATIVE_INFINITY);
    private static final FloatVector NANS = all(Float.NaN);
    private static final FloatVector ONES = all(1);
    private static final FloatVector INFINITIES = all(Float.POSITIVE_INFINITY);

    private VectorMath() {}

    private static FloatVector all(float value) {
        return FloatVector.broadcast(Lanes.F32, value);
    }

    /**
     * e^x with an error below 1 ulp; results under the least normal number 2^-126 become 0, an overflow infinity, NaN
     * stays NaN.
     */
    static FloatVector exp(FloatVector x) {
        // x = n ln2 + r with |r| <= ln2 / 2, and e^r = 1 + r + r^2 q(r).
        var shifted = x.fma(LOG2_ES, ROUNDERS);
        var n = shifted.sub(ROUNDERS);
        var r = n.fma(MINUS_LN2_LOW, n.fma(MINUS_LN2_HIGH, x));
        var q = EXP_0.fma(r, EXP_1).fma(r, EXP_2).fma(r, EXP_3).fma(r, EXP_4);
        var p = q.fma(r.mul(r), r).add(ONES);
        // Multiplying by 2^n is adding n to the exponent; p < 1 where n = 128, so this cannot run over.
        var y = p.reinterpretAsInts()
                .add(shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                .reinterpretAsFloats();
        y = y.blend(INFINITIES, x.compare(VectorOperators.GT, EXP_MAXIMA));
        y = y.blend(ZEROS, x.compare(VectorOperators.LT, EXP_MINIMA));
        return y.blend(x, x.compare(VectorOperators.NE, x));
    }

    /** The same of one number, bit by bit: for the ends of rows, which need not become vectors. */
    static float exp(float x) {
        if (!(x <= EXP_MAX)) {
            return x > EXP_MAX ? Float.POSITIVE_INFINITY : x;
        }
        if (x < EXP_MIN) {
            return 0;
        }
        float shifted = Math.fma(x, LOG2_E, ROUNDER);
        float n = shifted - ROUNDER;
        float r = Math.fma(n, -LN2_LOW, Math.fma(n, -LN2_HIGH, x));
        float q = EXP[0];
        for (int i = 1; i < EXP.length; i++) {
            q = Math.fma(q, r, EXP[i]);
        }
        float p = Math.fma(q, r * r, r) + 1;
        return Float.intBitsToFloat(Float.floatToRawIntBits(p) + (Float.floatToRawIntBits(shifted) << 23));
    }

    /** The nearest whole number, of two equally near the even one, with the sign of x; NaN stays NaN. */
    static FloatVector round(FloatVector x) {
        var magnitude = x.abs();
        var whole = magnitude.add(0x1p23f).sub(0x1p23f);
        var sign = x.reinterpretAsInts().and(Integer.MIN_VALUE);
        var signed = whole.reinterpretAsInts().or(sign).reinterpretAsFloats();
        return x.blend(signed, magnitude.compare(VectorOperators.LT, 0x1p23f));
    }

    /** 1 / (1 + e^-x) with an error below 2.5 ulp; 0 where it is under about 2^-128. */
    static FloatVector logistic(FloatVector x) {
        return ONES.div(exp(x.neg()).add(ONES));
    }

    /** The natural logarithm with an error below 1 ulp, subnormal numbers included; of 0 -infinity, below it NaN. */
    static FloatVector log(FloatVector x) {
        // x = m 2^e with sqrt(1/2) <= m < sqrt(2), and log m = f - f^2/2 + f^3 p(f) where f = m - 1.
        var small = x.compare(VectorOperators.LT, LEAST_NORMAL);
        var bits = x.blend(x.mul(LIFTS), small).reinterpretAsInts().sub(SQRT_HALVES);
        var m = bits.and(FRACTIONS).add(SQRT_HALVES).reinterpretAsFloats();
        var e = (FloatVector) bits.lanewise(VectorOperators.ASHR, 23).convert(VectorOperators.I2F, 0);
        e = e.blend(e.sub(LIFT_BITS), small);
        var f = m.sub(ONES);
        var square = f.mul(f);
        var p = LOG_0.fma(f, LOG_1).fma(f, LOG_2).fma(f, LOG_3).fma(f, LOG_4);
        p = p.fma(f, LOG_5).fma(f, LOG_6).fma(f, LOG_7).fma(f, LOG_8);
        var y = e.fma(LN2_LOWS, p.mul(f.mul(square)));
        y = e.fma(LN2_HIGHS, square.fma(MINUS_HALVES, y).add(f));
        y = y.blend(x, x.compare(VectorOperators.EQ, INFINITIES));
        y = y.blend(MINUS_INFINITIES, x.compare(VectorOperators.EQ, ZEROS));
        // Not-at-least-zero is true of NaN as well.
        return NANS.blend(y, x.compare(VectorOperators.GE, ZEROS));
    }
}
