package io.coda4j.tensor;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/**
 * Single elements of dense storage as doubles: how each element type is stored and rounded. Exact for reading; for the
 * reference kernels and conversions, not for loops that must be fast.
 */
public final class Elements {
    private Elements() {}

    /** The element at {@code index}. */
    public static double get(MemorySegment data, DType dtype, long index) {
        return switch (dtype) {
            case BOOL -> data.get(JAVA_BYTE, index) != 0 ? 1 : 0;
            case I8 -> data.get(JAVA_BYTE, index);
            case I32 -> data.get(JAVA_INT_UNALIGNED, 4 * index);
            case F16 -> Float.float16ToFloat(data.get(JAVA_SHORT_UNALIGNED, 2 * index));
            case BF16 -> Bf16.toFloat(data.get(JAVA_SHORT_UNALIGNED, 2 * index));
            case F32 -> data.get(JAVA_FLOAT_UNALIGNED, 4 * index);
            case F64 -> data.get(JAVA_DOUBLE_UNALIGNED, 8 * index);
        };
    }

    /** Stores {@code value} at {@code index}, rounded or truncated as {@link Primitive.Convert} says. */
    public static void set(MemorySegment data, DType dtype, long index, double value) {
        switch (dtype) {
            case BOOL -> data.set(JAVA_BYTE, index, (byte) (value != 0 ? 1 : 0));
            case I8 -> data.set(JAVA_BYTE, index, (byte) Math.clamp((int) value, Byte.MIN_VALUE, Byte.MAX_VALUE));
            case I32 -> data.set(JAVA_INT_UNALIGNED, 4 * index, (int) value);
            case F16 -> data.set(JAVA_SHORT_UNALIGNED, 2 * index, Float.floatToFloat16(toOdd(value)));
            case BF16 -> data.set(JAVA_SHORT_UNALIGNED, 2 * index, Bf16.fromFloat(toOdd(value)));
            case F32 -> data.set(JAVA_FLOAT_UNALIGNED, 4 * index, (float) value);
            case F64 -> data.set(JAVA_DOUBLE_UNALIGNED, 8 * index, value);
        }
    }

    /**
     * The float that a narrower type rounds as it would round {@code value} itself: of the two floats around a value between them
     * the one with an odd last bit, which is no tie of the narrower type. The nearest one may be such a tie, and be rounded twice.
     */
    private static float toOdd(double value) {
        float nearest = (float) value;
        int bits = Float.floatToRawIntBits(nearest);
        if (nearest == value || Double.isNaN(value) || (bits & 1) == 1) {
            return nearest;
        }
        return Float.intBitsToFloat(Math.abs(nearest) < Math.abs(value) ? bits + 1 : bits - 1);
    }
}
