package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.coda4j.tensor.Bf16;
import jdk.incubator.vector.FloatVector;

/**
 * What softmax and cross-entropy do with a row of {@code n} F32 or BF16 logits. Rows are addresses, which callers check.
 *
 * <p>A method for each pass: C2 compiles one exponential at a time, see {@link VectorMath}.
 */
final class SoftmaxRows {
    /** Elements of one partial sum of exponentials; partial sums are added in double precision. */
    static final int PIECE = 16_384;

    private SoftmaxRows() {}

    /** The greatest element; NaN is passed over, because it makes the sum of exponentials one. */
    static float greatest(long x, int n) {
        // Not a constant of the class: a variable that starts as an object stays one.
        var s0 = FloatVector.broadcast(Lanes.F32, Float.NEGATIVE_INFINITY);
        var s1 = s0;
        int i = 0;
        for (; i <= n - 2 * Lanes.COUNT; i += 2 * Lanes.COUNT) {
            s0 = Lanes.greater(Lanes.load(x + i * 4L), s0);
            s1 = Lanes.greater(Lanes.load(x + (i + Lanes.COUNT) * 4L), s1);
        }
        float rest = Float.NEGATIVE_INFINITY;
        for (; i < n; i++) {
            float value = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, x + i * 4L);
            rest = value > rest ? value : rest;
        }
        return Math.max(Lanes.max(Lanes.greater(s0, s1)), rest);
    }

    static float greatestBf16(long x, int n) {
        var greatest = FloatVector.broadcast(Lanes.F32, Float.NEGATIVE_INFINITY);
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            greatest = Lanes.greater(Lanes.loadBf16(Lanes.ALL, x + i * 2L), greatest);
        }
        float rest = Float.NEGATIVE_INFINITY;
        for (; i < n; i++) {
            float value = Bf16.toFloat(Lanes.ALL.get(JAVA_SHORT_UNALIGNED, x + i * 2L));
            rest = value > rest ? value : rest;
        }
        return Math.max(Lanes.max(greatest), rest);
    }

    /** The sum of exp(x - max) of a piece. */
    static float partialSum(long x, int n, float max) {
        var sum = FloatVector.zero(Lanes.F32);
        var maxima = FloatVector.broadcast(Lanes.F32, max);
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            sum = VectorMath.exp(Lanes.load(x + i * 4L).sub(maxima)).add(sum);
        }
        float rest = 0;
        for (; i < n; i++) {
            rest += VectorMath.exp(Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, x + i * 4L) - max);
        }
        return Lanes.sum(sum) + rest;
    }

    static float partialSumBf16(long x, int n, float max) {
        var sum = FloatVector.zero(Lanes.F32);
        var maxima = FloatVector.broadcast(Lanes.F32, max);
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            sum = VectorMath.exp(Lanes.loadBf16(Lanes.ALL, x + i * 2L).sub(maxima))
                    .add(sum);
        }
        float rest = 0;
        for (; i < n; i++) {
            rest += VectorMath.exp(Bf16.toFloat(Lanes.ALL.get(JAVA_SHORT_UNALIGNED, x + i * 2L)) - max);
        }
        return Lanes.sum(sum) + rest;
    }

    /** y = exp(x - max) of a piece, and the sum of it. */
    static float partialExponentials(long x, long y, int n, float max) {
        var sum = FloatVector.zero(Lanes.F32);
        var maxima = FloatVector.broadcast(Lanes.F32, max);
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var e = VectorMath.exp(Lanes.load(x + i * 4L).sub(maxima));
            Lanes.store(e, y + i * 4L);
            sum = e.add(sum);
        }
        float rest = 0;
        for (; i < n; i++) {
            float e = VectorMath.exp(Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, x + i * 4L) - max);
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, y + i * 4L, e);
            rest += e;
        }
        return Lanes.sum(sum) + rest;
    }

    /** y times {@code factor}, in place. */
    static void multiply(long y, int n, float factor) {
        var factors = FloatVector.broadcast(Lanes.F32, factor);
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(y + i * 4L).mul(factors), y + i * 4L);
        }
        for (; i < n; i++) {
            float e = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, y + i * 4L);
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, y + i * 4L, e * factor);
        }
    }

    /** y = exp(x - less) factor. */
    static void exponentials(long x, long y, int n, float less, float factor) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var value = Lanes.load(x + i * 4L);
            Lanes.store(VectorMath.exp(value.sub(less)).mul(factor), y + i * 4L);
        }
        for (; i < n; i++) {
            float value = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, x + i * 4L);
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, y + i * 4L, VectorMath.exp(value - less) * factor);
        }
    }

    static void exponentialsBf16(long x, long y, int n, float less, float factor) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var value = Lanes.loadBf16(Lanes.ALL, x + i * 2L);
            Lanes.storeBf16(VectorMath.exp(value.sub(less)).mul(factor), Lanes.ALL, y + i * 2L);
        }
        for (; i < n; i++) {
            float value = Bf16.toFloat(Lanes.ALL.get(JAVA_SHORT_UNALIGNED, x + i * 2L));
            Lanes.ALL.set(JAVA_SHORT_UNALIGNED, y + i * 2L, Bf16.fromFloat(VectorMath.exp(value - less) * factor));
        }
    }
}
