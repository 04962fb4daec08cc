package io.coda4j.nn.safetensors;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** Reads single elements of stored tensors as Java numbers; every supported pair loses nothing, except F64 to float. */
final class Widening {
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LITTLE);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE);
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE);
    private static final ValueLayout.OfDouble DOUBLE = ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(LITTLE);

    private Widening() {}

    /** Copies {@code count} elements from element {@code first} on into {@code target}, as native-order floats. */
    static void floats(
            Entry entry, MemorySegment bytes, long first, MemorySegment target, long targetOffset, long count) {
        var out = ValueLayout.JAVA_FLOAT_UNALIGNED;
        switch (entry.type()) {
            case F32 -> MemorySegment.copy(bytes, FLOAT, first * 4, target, out, targetOffset, count);
            case BF16 -> {
                for (long i = 0; i < count; i++) {
                    int bits = bytes.get(SHORT, (first + i) * 2) << 16;
                    target.set(out, targetOffset + i * 4, Float.intBitsToFloat(bits));
                }
            }
            case F16 -> {
                for (long i = 0; i < count; i++) {
                    target.set(out, targetOffset + i * 4, Float.float16ToFloat(bytes.get(SHORT, (first + i) * 2)));
                }
            }
            case F64 -> {
                for (long i = 0; i < count; i++) {
                    target.set(out, targetOffset + i * 4, (float) bytes.get(DOUBLE, (first + i) * 8));
                }
            }
            case BOOL, U8, I8, I16, U16 -> {
                for (long i = 0; i < count; i++) {
                    target.set(out, targetOffset + i * 4, (float) integer(entry, bytes, first + i));
                }
            }
            case I32, U32, I64, U64 -> throw mismatch(entry, "floats without loss; read it with ints or longs");
        }
    }

    /** One element of an integer tensor; U64 values of 2^63 and more are an error. */
    static long integer(Entry entry, MemorySegment bytes, long index) {
        return switch (entry.type()) {
            case BOOL -> bytes.get(ValueLayout.JAVA_BYTE, index) == 0 ? 0 : 1;
            case U8 -> bytes.get(ValueLayout.JAVA_BYTE, index) & 0xFF;
            case I8 -> bytes.get(ValueLayout.JAVA_BYTE, index);
            case I16 -> bytes.get(SHORT, index * 2);
            case U16 -> bytes.get(SHORT, index * 2) & 0xFFFF;
            case I32 -> bytes.get(INT, index * 4);
            case U32 -> bytes.get(INT, index * 4) & 0xFFFF_FFFFL;
            case I64 -> bytes.get(LONG, index * 8);
            case U64 -> unsigned(entry, bytes.get(LONG, index * 8), index);
            case F16, BF16, F32, F64 -> throw mismatch(entry, "integers; read it with floats or doubles");
        };
    }

    /** One element of any tensor as a double; integers beyond 2^53 are rounded. */
    static double real(Entry entry, MemorySegment bytes, long index) {
        return switch (entry.type()) {
            case F16 -> Float.float16ToFloat(bytes.get(SHORT, index * 2));
            case BF16 -> Float.intBitsToFloat(bytes.get(SHORT, index * 2) << 16);
            case F32 -> bytes.get(FLOAT, index * 4);
            case F64 -> bytes.get(DOUBLE, index * 8);
            case BOOL, U8, I8, I16, U16, I32, U32, I64, U64 -> integer(entry, bytes, index);
        };
    }

    private static long unsigned(Entry entry, long value, long index) {
        if (value < 0) {
            throw new SafetensorsException(
                    entry.file(),
                    "element " + index + " of " + entry + " is " + Long.toUnsignedString(value)
                            + ", above the largest long");
        }
        return value;
    }

    private static SafetensorsException mismatch(Entry entry, String wanted) {
        return new SafetensorsException(entry.file(), "tensor " + entry + " cannot be read as " + wanted);
    }
}
