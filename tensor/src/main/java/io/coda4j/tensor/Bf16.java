package io.coda4j.tensor;

/** Conversion between {@code F32} and its upper half, bfloat16. */
public final class Bf16 {
    private Bf16() {}

    /** The value of bfloat16 bits; exact. */
    public static float toFloat(short bits) {
        return Float.intBitsToFloat(bits << 16);
    }

    /** The bits of {@code value} rounded to the nearest bfloat16, ties to even; NaN stays NaN. */
    public static short fromFloat(float value) {
        int bits = Float.floatToRawIntBits(value);
        if ((bits & 0x7fffffff) > 0x7f800000) {
            // Rounding could carry a NaN's payload into infinity: keep the sign and set the quiet bit.
            return (short) ((bits >>> 16) | 0x40);
        }
        return (short) ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16);
    }
}
