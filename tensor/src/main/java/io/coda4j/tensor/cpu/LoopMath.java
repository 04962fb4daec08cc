package io.coda4j.tensor.cpu;

import io.coda4j.tensor.Primitive.BinaryOp;
import io.coda4j.tensor.Primitive.UnaryOp;
import io.coda4j.tensor.cpu.x86.LoopProgram.Builder;
import io.coda4j.tensor.cpu.x86.LoopProgram.Value;
import java.util.Optional;

/** {@link VectorMath} and the operations of {@link Elementwise} as steps of a loop in machine code, of the same bits. */
final class LoopMath {
    private LoopMath() {}

    /** {@code op} of F32, or empty where no loop computes it. */
    static Optional<Value> unary(Builder b, UnaryOp op, Value x) {
        return switch (op) {
            case NEG -> Optional.of(b.negate(x));
            case EXP -> Optional.of(exp(b, x));
            case LOG -> Optional.of(log(b, x));
            case SQRT -> Optional.of(b.squareRoot(x));
            case RSQRT -> Optional.of(b.divide(b.constant(1), b.squareRoot(x)));
            case LOGISTIC -> Optional.of(logistic(b, x));
            case ROUND -> Optional.of(round(b, x));
            case SIN, COS, NOT -> Optional.empty();
        };
    }

    /** {@code op} of F32, or empty where no loop computes it. */
    static Optional<Value> binary(Builder b, BinaryOp op, Value x, Value y) {
        return switch (op) {
            case ADD -> Optional.of(b.add(x, y));
            case SUB -> Optional.of(b.subtract(x, y));
            case MUL -> Optional.of(b.multiply(x, y));
            case DIV -> Optional.of(b.divide(x, y));
            // Zeros are equal: of their signs the greater has one that both have, the smaller one that either has.
            case MAX -> Optional.of(outer(b, b.greater(x, y), b.and(x, y), x, y));
            case MIN -> Optional.of(outer(b, b.less(x, y), b.or(x, y), x, y));
            case AND, OR -> Optional.empty();
        };
    }

    /** x where {@code isX}, else y; {@code equal} of equals, and NaN if one is NaN. */
    private static Value outer(Builder b, Value isX, Value equal, Value x, Value y) {
        var outer = b.select(b.equal(x, y), equal, b.select(isX, x, y));
        return b.select(b.notEqual(x, x), x, outer);
    }

    /** As {@link VectorMath#exp}. */
    static Value exp(Builder b, Value x) {
        var rounder = b.constant(VectorMath.ROUNDER);
        var shifted = b.multiplyAdd(x, b.constant(VectorMath.LOG2_E), rounder);
        var n = b.subtract(shifted, rounder);
        var r = b.multiplyAdd(n, b.constant(-VectorMath.LN2_HIGH), x);
        r = b.multiplyAdd(n, b.constant(-VectorMath.LN2_LOW), r);
        var q = polynomial(b, VectorMath.EXP, r);
        var p = b.add(b.multiplyAdd(q, b.multiply(r, r), r), b.constant(1));
        var y = b.addInts(p, b.shiftLeft(shifted, 23));
        y = b.select(b.greater(x, b.constant(VectorMath.EXP_MAX)), b.constant(Float.POSITIVE_INFINITY), y);
        y = b.unless(b.less(x, b.constant(VectorMath.EXP_MIN)), y);
        return b.select(b.notEqual(x, x), x, y);
    }

    private static Value polynomial(Builder b, float[] coefficients, Value x) {
        var p = b.constant(coefficients[0]);
        for (int i = 1; i < coefficients.length; i++) {
            p = b.multiplyAdd(p, x, b.constant(coefficients[i]));
        }
        return p;
    }

    /** As {@link VectorMath#logistic}. */
    static Value logistic(Builder b, Value x) {
        var one = b.constant(1);
        return b.divide(one, b.add(exp(b, b.negate(x)), one));
    }

    private static Value round(Builder b, Value x) {
        var magnitude = b.and(x, b.bits(Integer.MAX_VALUE));
        var most = b.constant(VectorMath.LIFT);
        var whole = b.subtract(b.add(magnitude, most), most);
        var signed = b.or(whole, b.and(x, b.bits(Integer.MIN_VALUE)));
        return b.select(b.less(magnitude, most), signed, x);
    }

    private static Value log(Builder b, Value x) {
        var small = b.less(x, b.constant(Float.MIN_NORMAL));
        var lifted = b.select(small, b.multiply(x, b.constant(VectorMath.LIFT)), x);
        var bits = b.subtractInts(lifted, b.bits(VectorMath.SQRT_HALF));
        var m = b.addInts(b.and(bits, b.bits(0x7fffff)), b.bits(VectorMath.SQRT_HALF));
        var e = b.toFloats(b.shiftRight(bits, 23));
        e = b.select(small, b.subtract(e, b.constant(VectorMath.LIFT_BIT)), e);
        var f = b.subtract(m, b.constant(1));
        var square = b.multiply(f, f);
        var p = polynomial(b, VectorMath.LOG, f);
        var y = b.multiplyAdd(e, b.constant(VectorMath.LN2_LOW), b.multiply(p, b.multiply(f, square)));
        var less = b.add(b.multiplyAdd(square, b.constant(-0.5f), y), f);
        y = b.multiplyAdd(e, b.constant(VectorMath.LN2_HIGH), less);
        y = b.select(b.equal(x, b.constant(Float.POSITIVE_INFINITY)), x, y);
        y = b.select(b.equal(x, b.constant(0)), b.constant(Float.NEGATIVE_INFINITY), y);
        return b.select(b.atLeast(x, b.constant(0)), y, b.constant(Float.NaN));
    }
}
