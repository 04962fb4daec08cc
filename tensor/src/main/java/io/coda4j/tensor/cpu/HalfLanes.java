package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Conversion between F16 and F32 in memory. The Vector API has no half-precision elements, so a vector of them is taken
 * apart as integers; both directions are those of {@link Float#float16ToFloat} and {@link Float#floatToFloat16}.
 */
final class HalfLanes {
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    /** From the exponent's bias of F16, 15, to that of F32, 127, and the bits by which mantissas differ. */
    private static final int REBIAS = (127 - 15) << 23;

    private static final int SHIFT = 13;
    private static final int INFINITY = 0x7f800000;

    /** The least F32 magnitude that rounds to infinity: halfway between the largest F16 and the next power of two. */
    private static final int OVERFLOW = 0x477ff000;

    /** 2^-14, the least normal F16, as F32. */
    private static final int NORMAL = 0x38800000;

    private HalfLanes() {}

    /** y F32 = x F16, {@code n} elements at these addresses; exact. */
    static void widen(long x, long y, int n) {
        int i = 0;
        for (; i < Lanes.F32.loopBound(n); i += Lanes.COUNT) {
            var bits = ShortVector.fromMemorySegment(Lanes.BF16, Lanes.ALL, x + i * 2L, ORDER);
            Lanes.store(widened(bits), y + i * 4L);
        }
        for (; i < n; i++) {
            float value = Float.float16ToFloat(Lanes.ALL.get(JAVA_SHORT_UNALIGNED, x + i * 2L));
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, y + i * 4L, value);
        }
    }

    /** y F16 = x F32, rounded to nearest even; infinity where it is too large. */
    static void narrow(long x, long y, int n) {
        int i = 0;
        for (; i < Lanes.F32.loopBound(n); i += Lanes.COUNT) {
            narrowed(Lanes.load(x + i * 4L)).intoMemorySegment(Lanes.ALL, y + i * 2L, ORDER);
        }
        for (; i < n; i++) {
            float value = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, x + i * 4L);
            Lanes.ALL.set(JAVA_SHORT_UNALIGNED, y + i * 2L, Float.floatToFloat16(value));
        }
    }

    private static FloatVector widened(ShortVector halves) {
        var bits = (IntVector) halves.convertShape(VectorOperators.ZERO_EXTEND_S2I, Lanes.I32, 0);
        var magnitude = bits.and(0x7fff).lanewise(VectorOperators.LSHL, SHIFT);
        var sign = bits.and(0x8000).lanewise(VectorOperators.LSHL, 16);
        // With the exponent one too large and its power of two taken off, a subnormal becomes the number it stands for.
        var normal = magnitude.add(REBIAS);
        var subnormal = magnitude
                .add(NORMAL)
                .reinterpretAsFloats()
                .sub(Float.intBitsToFloat(NORMAL))
                .reinterpretAsInts();
        var value = normal.blend(subnormal, magnitude.compare(VectorOperators.LT, 0x400 << SHIFT))
                .blend(magnitude.or(INFINITY), magnitude.compare(VectorOperators.GE, 0x7c00 << SHIFT));
        return value.or(sign).reinterpretAsFloats();
    }

    private static ShortVector narrowed(FloatVector value) {
        var bits = value.reinterpretAsInts();
        var magnitude = bits.and(0x7fffffff);
        var sign = bits.lanewise(VectorOperators.LSHR, 16).and(0x8000);
        var odd = magnitude.lanewise(VectorOperators.LSHR, SHIFT).and(1);
        var normal = magnitude.sub(REBIAS).add(0xfff).add(odd).lanewise(VectorOperators.LSHR, SHIFT);
        // The last bit of 1/2 is that of the subnormal numbers, so that the addition rounds them.
        var subnormal =
                magnitude.reinterpretAsFloats().add(0.5f).reinterpretAsInts().sub(Float.floatToRawIntBits(0.5f));
        var half = normal.blend(subnormal, magnitude.compare(VectorOperators.LT, NORMAL))
                .blend(0x7c00, magnitude.compare(VectorOperators.GE, OVERFLOW))
                .blend(0x7e00, magnitude.compare(VectorOperators.GT, INFINITY));
        return (ShortVector) half.or(sign).convertShape(VectorOperators.I2S, Lanes.BF16, 0);
    }
}
