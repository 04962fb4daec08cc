package io.coda4j.coder.verify;

import io.coda4j.nn.safetensors.Entry;
import io.coda4j.nn.safetensors.Safetensors;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Locale;
import java.util.function.LongFunction;
import java.util.stream.LongStream;

/**
 * Counts of numbers by kind.
 *
 * @param values all numbers
 * @param nan numbers that are none
 * @param infinite numbers beyond the range of their type
 */
public record FiniteCount(long values, long nan, long infinite) {
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;
    private static final ValueLayout.OfShort SHORT = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LITTLE);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE);

    /** Numbers of one task. */
    private static final long PIECE = 1 << 20;

    FiniteCount plus(FiniteCount other) {
        return new FiniteCount(values + other.values, nan + other.nan, infinite + other.infinite);
    }

    /** Whether all numbers are finite. */
    public boolean isFinite() {
        return nan == 0 && infinite == 0;
    }

    @Override
    public String toString() {
        return isFinite()
                ? String.format(Locale.ROOT, "%,d numbers", values)
                : String.format(Locale.ROOT, "%,d NaN and %,d infinite of %,d numbers", nan, infinite, values);
    }

    /** The numbers of one tensor; integers are finite. */
    static FiniteCount of(Safetensors weights, Entry entry) {
        var bytes = weights.bytes(entry.name());
        // A number is infinite or NaN where all bits of its exponent are set, and NaN where others are too.
        LongFunction<FiniteCount> piece = switch (entry.type()) {
            case BF16 -> first -> shorts(bytes, first, 0x7F80);
            case F16 -> first -> shorts(bytes, first, 0x7C00);
            case F32 -> first -> ints(bytes, first);
            case F64 -> first -> longs(bytes, first);
            case BOOL, U8, I8, I16, U16, I32, U32, I64, U64 -> _ -> new FiniteCount(0, 0, 0);
        };
        long count = entry.elementCount();
        var found = LongStream.range(0, Math.ceilDiv(count, PIECE))
                .parallel()
                .mapToObj(n -> piece.apply(n * PIECE))
                .reduce(new FiniteCount(0, 0, 0), FiniteCount::plus);
        return new FiniteCount(count, found.nan, found.infinite);
    }

    private static FiniteCount shorts(MemorySegment bytes, long first, int exponent) {
        long end = Math.min(bytes.byteSize() / Short.BYTES, first + PIECE);
        long nan = 0;
        long infinite = 0;
        for (long i = first; i < end; i++) {
            int bits = bytes.get(SHORT, Short.BYTES * i) & 0x7FFF;
            nan += bits > exponent ? 1 : 0;
            infinite += bits == exponent ? 1 : 0;
        }
        return new FiniteCount(0, nan, infinite);
    }

    private static FiniteCount ints(MemorySegment bytes, long first) {
        long end = Math.min(bytes.byteSize() / Integer.BYTES, first + PIECE);
        long nan = 0;
        long infinite = 0;
        for (long i = first; i < end; i++) {
            int bits = bytes.get(INT, Integer.BYTES * i) & 0x7FFF_FFFF;
            nan += bits > 0x7F80_0000 ? 1 : 0;
            infinite += bits == 0x7F80_0000 ? 1 : 0;
        }
        return new FiniteCount(0, nan, infinite);
    }

    private static FiniteCount longs(MemorySegment bytes, long first) {
        long end = Math.min(bytes.byteSize() / Long.BYTES, first + PIECE);
        long nan = 0;
        long infinite = 0;
        for (long i = first; i < end; i++) {
            long bits = bytes.get(LONG, Long.BYTES * i) & Long.MAX_VALUE;
            nan += bits > 0x7FF0_0000_0000_0000L ? 1 : 0;
            infinite += bits == 0x7FF0_0000_0000_0000L ? 1 : 0;
        }
        return new FiniteCount(0, nan, infinite);
    }
}
