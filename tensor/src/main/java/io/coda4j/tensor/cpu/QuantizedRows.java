package io.coda4j.tensor.cpu;

import io.coda4j.tensor.Primitive.QuantizedLinear;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Rows of F32 rounded to whole numbers from -127 to 127, as {@link QuantizedLinear} says. All positions are addresses. */
final class QuantizedRows {
    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    private QuantizedRows() {}

    /** The step of the row of {@code depth} elements at {@code x}. */
    static float step(long x, int depth) {
        var greatest = FloatVector.zero(Lanes.F32);
        int k = 0;
        for (; k < Lanes.F32.loopBound(depth); k += Lanes.COUNT) {
            greatest = greatest.max(Lanes.load(x + k * 4L).abs());
        }
        float most = Lanes.max(greatest);
        for (; k < depth; k++) {
            most = Math.max(most, Math.abs(element(x, k)));
        }
        return Math.max(most / QuantizedLinear.LEVELS, QuantizedLinear.LEAST_STEP);
    }

    /** {@code offset} more than the row in steps, as bytes. Up to a vector behind the row may be overwritten. */
    static void bytes(long x, int depth, float step, int offset, long to) {
        int k = 0;
        for (; k < Lanes.F32.loopBound(depth); k += Lanes.COUNT) {
            var whole = VectorMath.round(Lanes.load(x + k * 4L).div(step)).convert(VectorOperators.F2I, 0);
            ((IntVector) whole)
                    .add(offset)
                    .convertShape(VectorOperators.I2B, Lanes.BOOL, 0)
                    .intoMemorySegment(Lanes.ALL, to + k, ORDER);
        }
        for (; k < depth; k++) {
            Lanes.ALL.set(ValueLayout.JAVA_BYTE, to + k, (byte) (whole(x, k, step) + offset));
        }
    }

    /** The row in steps, as words of 16 bits. */
    static void words(long x, int depth, float step, long to) {
        int k = 0;
        for (; k < Lanes.F32.loopBound(depth); k += Lanes.COUNT) {
            VectorMath.round(Lanes.load(x + k * 4L).div(step))
                    .convert(VectorOperators.F2I, 0)
                    .convertShape(VectorOperators.I2S, Lanes.BF16, 0)
                    .intoMemorySegment(Lanes.ALL, to + k * 2L, ORDER);
        }
        for (; k < depth; k++) {
            Lanes.ALL.set(ValueLayout.JAVA_SHORT_UNALIGNED, to + k * 2L, (short) whole(x, k, step));
        }
    }

    /** The row in steps, as F32; NaN becomes 0, as for the other types. */
    static void floats(long x, int depth, float step, long to) {
        for (int k = 0; k < depth; k++) {
            Lanes.ALL.set(ValueLayout.JAVA_FLOAT_UNALIGNED, to + k * 4L, whole(x, k, step));
        }
    }

    private static int whole(long x, int k, float step) {
        return (int) Math.rint(element(x, k) / step);
    }

    private static float element(long x, int k) {
        return Lanes.ALL.get(ValueLayout.JAVA_FLOAT_UNALIGNED, x + k * 4L);
    }
}
