package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

final class VectorMathTest {
    /** A prime, so that the samples hit every pattern of low bits. */
    private static final int STRIDE = 509;

    @Test
    void expIsWithinOneUlpWhereItIsANormalNumber() {
        assertTrue(worstUlps(VectorMath::exp, Math::exp, -87.33654f, 88.72283f) < 1);
    }

    @Test
    void expOfExtremesIsZeroInfinityAndNan() {
        assertEquals(0f, at(VectorMath::exp, Float.NEGATIVE_INFINITY));
        assertEquals(0f, at(VectorMath::exp, -Float.MAX_VALUE));
        assertEquals(0f, at(VectorMath::exp, -88f));
        assertEquals(Float.MIN_NORMAL, at(VectorMath::exp, -87.33654f), 1e-42f);
        assertEquals(1f, at(VectorMath::exp, 0f));
        assertEquals(1f, at(VectorMath::exp, -0f));
        assertEquals(1f, at(VectorMath::exp, Float.MIN_VALUE));
        assertTrue(Float.isFinite(at(VectorMath::exp, 88.72283f)));
        assertEquals(Float.POSITIVE_INFINITY, at(VectorMath::exp, Math.nextUp(88.72284f)));
        assertEquals(Float.POSITIVE_INFINITY, at(VectorMath::exp, Float.MAX_VALUE));
        assertEquals(Float.POSITIVE_INFINITY, at(VectorMath::exp, Float.POSITIVE_INFINITY));
        assertEquals(Float.NaN, at(VectorMath::exp, Float.NaN));
    }

    @Test
    void expOfANumberHasTheBitsOfAVectors() {
        for (long bits = Integer.MIN_VALUE; bits <= Integer.MAX_VALUE; bits += 10_007) {
            float x = Float.intBitsToFloat((int) bits);
            assertEquals(at(VectorMath::exp, x), VectorMath.exp(x), () -> "exp(" + x + ")");
        }
        for (float x : new float[] {0, -0f, -87.33654f, Math.nextDown(-87.33654f), 88.72283f, Math.nextUp(88.72283f)}) {
            assertEquals(at(VectorMath::exp, x), VectorMath.exp(x), () -> "exp(" + x + ")");
        }
    }

    @Test
    void logIsWithinOneUlpOverAllPositiveNumbers() {
        assertTrue(worstUlps(VectorMath::log, Math::log, Float.MIN_VALUE, Float.MAX_VALUE) < 1);
    }

    @Test
    void logOfExtremesIsInfiniteOrNan() {
        assertEquals(Float.NEGATIVE_INFINITY, at(VectorMath::log, 0f));
        assertEquals(Float.NEGATIVE_INFINITY, at(VectorMath::log, -0f));
        assertEquals(Float.POSITIVE_INFINITY, at(VectorMath::log, Float.POSITIVE_INFINITY));
        assertEquals(Float.NaN, at(VectorMath::log, -Float.MIN_VALUE));
        assertEquals(Float.NaN, at(VectorMath::log, -1f));
        assertEquals(Float.NaN, at(VectorMath::log, Float.NEGATIVE_INFINITY));
        assertEquals(Float.NaN, at(VectorMath::log, Float.NaN));
        assertEquals(0f, at(VectorMath::log, 1f));
    }

    @Test
    void logisticIsWithinTwoAndAHalfUlps() {
        assertTrue(worstUlps(VectorMath::logistic, x -> 1 / (1 + Math.exp(-x)), -87.3f, 100f) < 2.5);
    }

    @Test
    void logisticOfExtremesIsZeroOneAndNan() {
        assertEquals(0f, at(VectorMath::logistic, Float.NEGATIVE_INFINITY));
        assertEquals(1f, at(VectorMath::logistic, Float.POSITIVE_INFINITY));
        assertEquals(0.5f, at(VectorMath::logistic, 0f));
        assertEquals(Float.NaN, at(VectorMath::logistic, Float.NaN));
    }

    private static float at(UnaryOperator<FloatVector> f, float x) {
        return f.apply(FloatVector.broadcast(Lanes.F32, x)).lane(0);
    }

    /** The greatest error over every STRIDE-th float between the bounds, in units of the exact result's last place. */
    private static double worstUlps(UnaryOperator<FloatVector> f, DoubleUnaryOperator exact, float low, float high) {
        double worst = 0;
        float[] x = new float[Lanes.COUNT];
        float[] y = new float[Lanes.COUNT];
        int filled = 0;
        for (long order = order(low); order <= order(high); order += STRIDE) {
            x[filled++] = fromOrder(order);
            if (filled == Lanes.COUNT || order + STRIDE > order(high)) {
                f.apply(FloatVector.fromArray(Lanes.F32, x, 0)).intoArray(y, 0);
                for (int i = 0; i < filled; i++) {
                    double want = exact.applyAsDouble(x[i]);
                    worst = Math.max(worst, Math.abs(y[i] - want) / Math.ulp((float) want));
                    assertTrue(worst < 4, () -> "far off near " + x[0]);
                }
                filled = 0;
            }
        }
        return worst;
    }

    /** Floats numbered in ascending order, 0 for 0. */
    private static long order(float x) {
        int bits = Float.floatToRawIntBits(x);
        return bits >= 0 ? bits : -(long) (bits & 0x7fffffff);
    }

    private static float fromOrder(long order) {
        return order >= 0 ? Float.intBitsToFloat((int) order) : -Float.intBitsToFloat((int) -order);
    }
}
