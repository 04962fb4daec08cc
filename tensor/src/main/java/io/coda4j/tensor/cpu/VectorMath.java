package io.coda4j.tensor.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Elementary functions of F32 vectors by polynomials of this project, so that their bits are the same on every machine.
 *
 * <p>The coefficients minimise the greatest relative error of the function over its reduced interval; the stated errors
 * include rounding and are checked by {@code VectorMathTest} over all of the range.
 */
final class VectorMath {
    /** Adding this to |x| below 2^22 leaves x rounded to an integer in the low bits of the sum. */
    private static final float ROUNDER = 0x1.8p23f;

    private static final float LOG2_E = (float) (1 / Math.log(2));

    /** ln 2 in 16 bits, so that its product with an exponent is exact, and the rest. */
    private static final float LN2_HIGH = 0x1.62e4p-1f;

    private static final float LN2_LOW = (float) (Math.log(2) - LN2_HIGH);

    /** The greatest float whose exponential is finite, and the least whose exponential is a normal number. */
    private static final float EXP_MAX = 88.72283f;

    private static final float EXP_MIN = -87.33654f;

    /** The bits of sqrt(1/2). */
    private static final int SQRT_HALF = 0x3f3504f3;

    private VectorMath() {}

    /**
     * e^x with an error below 1 ulp; results under the least normal number 2^-126 become 0, an overflow infinity, NaN
     * stays NaN.
     */
    static FloatVector exp(FloatVector x) {
        // x = n ln2 + r with |r| <= ln2 / 2, and e^r = 1 + r + r^2 q(r).
        var shifted = x.fma(FloatVector.broadcast(Lanes.F32, LOG2_E), FloatVector.broadcast(Lanes.F32, ROUNDER));
        var n = shifted.sub(ROUNDER);
        var r = n.fma(FloatVector.broadcast(Lanes.F32, -LN2_HIGH), x);
        r = n.fma(FloatVector.broadcast(Lanes.F32, -LN2_LOW), r);
        var q = FloatVector.broadcast(Lanes.F32, 0x1.6a23dp-10f)
                .fma(r, FloatVector.broadcast(Lanes.F32, 0x1.123a2p-7f))
                .fma(r, FloatVector.broadcast(Lanes.F32, 0x1.5558f2p-5f))
                .fma(r, FloatVector.broadcast(Lanes.F32, 0x1.555492p-3f))
                .fma(r, FloatVector.broadcast(Lanes.F32, 0x1.fffffcp-2f));
        var p = q.fma(r.mul(r), r).add(1f);
        // Multiplying by 2^n is adding n to the exponent; p < 1 where n = 128, so this cannot run over.
        var y = p.reinterpretAsInts()
                .add(shifted.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23))
                .reinterpretAsFloats();
        y = y.blend(Float.POSITIVE_INFINITY, x.compare(VectorOperators.GT, EXP_MAX));
        y = y.blend(0f, x.compare(VectorOperators.LT, EXP_MIN));
        return y.blend(x, x.test(VectorOperators.IS_NAN));
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
        return FloatVector.broadcast(Lanes.F32, 1f).div(exp(x.neg()).add(1f));
    }

    /** The natural logarithm with an error below 1 ulp, subnormal numbers included; of 0 -infinity, below it NaN. */
    static FloatVector log(FloatVector x) {
        // x = m 2^e with sqrt(1/2) <= m < sqrt(2), and log m = f - f^2/2 + f^3 p(f) where f = m - 1.
        var small = x.compare(VectorOperators.LT, Float.MIN_NORMAL);
        var bits = x.blend(x.mul(0x1p23f), small).reinterpretAsInts().sub(SQRT_HALF);
        var m = bits.and(0x7fffff).add(SQRT_HALF).reinterpretAsFloats();
        var e = (FloatVector) bits.lanewise(VectorOperators.ASHR, 23).convert(VectorOperators.I2F, 0);
        e = e.blend(e.sub(23f), small);
        var f = m.sub(1f);
        var square = f.mul(f);
        var y = fractionCubed(f).mul(f.mul(square));
        y = e.fma(FloatVector.broadcast(Lanes.F32, LN2_LOW), y);
        y = square.fma(FloatVector.broadcast(Lanes.F32, -0.5f), y).add(f);
        y = e.fma(FloatVector.broadcast(Lanes.F32, LN2_HIGH), y);
        y = y.blend(x, x.compare(VectorOperators.EQ, Float.POSITIVE_INFINITY));
        y = y.blend(Float.NEGATIVE_INFINITY, x.compare(VectorOperators.EQ, 0f));
        // Not-at-least-zero is true of NaN as well.
        return y.blend(Float.NaN, x.compare(VectorOperators.GE, 0f).not());
    }

    private static FloatVector fractionCubed(FloatVector f) {
        return FloatVector.broadcast(Lanes.F32, 0x1.14631ap-4f)
                .fma(f, FloatVector.broadcast(Lanes.F32, -0x1.de4fa2p-4f))
                .fma(f, FloatVector.broadcast(Lanes.F32, 0x1.e6f604p-4f))
                .fma(f, FloatVector.broadcast(Lanes.F32, -0x1.fc1f6ap-4f))
                .fma(f, FloatVector.broadcast(Lanes.F32, 0x1.2336e2p-3f))
                .fma(f, FloatVector.broadcast(Lanes.F32, -0x1.555c5ap-3f))
                .fma(f, FloatVector.broadcast(Lanes.F32, 0x1.99a4bcp-3f))
                .fma(f, FloatVector.broadcast(Lanes.F32, -0x1.000006p-2f))
                .fma(f, FloatVector.broadcast(Lanes.F32, 0x1.555548p-2f));
    }
}
