package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.ByteVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The vectors of the kernels, and how F32 and BF16 storage becomes them: BF16 is widened to F32 on the way in and
 * rounded to nearest even on the way out.
 *
 * <p>Everything here is small enough for the compiler to inline always; offsets are in bytes.
 */
final class Lanes {
    static final VectorSpecies<Float> F32 = FloatVector.SPECIES_PREFERRED;
    static final VectorSpecies<Integer> I32 = VectorSpecies.of(int.class, F32.vectorShape());
    static final VectorSpecies<Short> BF16 =
            VectorSpecies.of(short.class, VectorShape.forBitSize(F32.vectorBitSize() / 2));

    /** As many bytes as there are lanes, or 8 where that is more: the narrowest vectors there are. */
    static final VectorSpecies<Byte> BOOL =
            VectorSpecies.of(byte.class, VectorShape.forBitSize(Math.max(64, F32.vectorBitSize() / 4)));

    static final VectorSpecies<Long> I64 = VectorSpecies.of(long.class, F32.vectorShape());

    /** Elements of one vector: 4, 8 or 16. */
    static final int COUNT = F32.length();

    /** Bytes of one vector. */
    static final int BYTES = F32.vectorByteSize();

    /**
     * The whole address space, in which addresses are offsets.
     *
     * <p>C2 checks every access to a segment against that segment's scope and size, and in loops over several of them it
     * guessed again and again that a check can be moved out of the loop, failed, and compiled the loop anew: kernels of
     * the optimiser reached their speed after a minute. Against this segment there is nothing to check. Whoever uses it
     * has checked the sizes before; {@link LaneLoop} does it for the loops that it is given.
     */
    @SuppressWarnings("restricted")
    static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private static final VectorShuffle<Float> SWAP_1 = swap(1);
    private static final VectorShuffle<Float> SWAP_2 = swap(2);
    private static final VectorShuffle<Float> SWAP_4 = swap(4);
    private static final VectorShuffle<Float> SWAP_8 = swap(8);

    private static final ByteOrder ORDER = ByteOrder.nativeOrder();

    private Lanes() {}

    /** Whether elements of {@code dtype} become vectors of F32 here, as they are or widened. */
    static boolean loadsAsF32(DType dtype) {
        return switch (dtype) {
            case F32, BF16 -> true;
            case BOOL, I8, I32, F16, F64 -> false;
        };
    }

    private static VectorShuffle<Float> swap(int distance) {
        return VectorShuffle.fromOp(F32, i -> (i ^ distance) % COUNT);
    }

    /** The lanes of the last vector of {@code n} elements, which starts at {@code i}. */
    static VectorMask<Float> tail(int i, int n) {
        return F32.indexInRange(i, n);
    }

    /** A vector of {@code value}, as wide in bytes as {@link #BYTES}. */
    static LongVector longs(long value) {
        return LongVector.broadcast(I64, value);
    }

    static void store(LongVector value, MemorySegment data, long offset) {
        value.intoMemorySegment(data, offset, ORDER);
    }

    static FloatVector load(long address) {
        return FloatVector.fromMemorySegment(F32, ALL, address, ORDER);
    }

    static void store(FloatVector value, long address) {
        value.intoMemorySegment(ALL, address, ORDER);
    }

    static IntVector loadInts(long address) {
        return IntVector.fromMemorySegment(I32, ALL, address, ORDER);
    }

    static void store(IntVector value, long address) {
        value.intoMemorySegment(ALL, address, ORDER);
    }

    static FloatVector load(MemorySegment data, long offset) {
        return FloatVector.fromMemorySegment(F32, data, offset, ORDER);
    }

    /** Lanes outside the mask are 0. */
    static FloatVector load(MemorySegment data, long offset, VectorMask<Float> mask) {
        return FloatVector.fromMemorySegment(F32, data, offset, ORDER, mask);
    }

    static void store(FloatVector value, MemorySegment data, long offset) {
        value.intoMemorySegment(data, offset, ORDER);
    }

    static void store(FloatVector value, MemorySegment data, long offset, VectorMask<Float> mask) {
        value.intoMemorySegment(data, offset, ORDER, mask);
    }

    static IntVector loadInts(MemorySegment data, long offset) {
        return IntVector.fromMemorySegment(I32, data, offset, ORDER);
    }

    static IntVector loadInts(MemorySegment data, long offset, VectorMask<Integer> mask) {
        return IntVector.fromMemorySegment(I32, data, offset, ORDER, mask);
    }

    static void store(IntVector value, MemorySegment data, long offset) {
        value.intoMemorySegment(data, offset, ORDER);
    }

    static void store(IntVector value, MemorySegment data, long offset, VectorMask<Integer> mask) {
        value.intoMemorySegment(data, offset, ORDER, mask);
    }

    static ByteVector loadBools(long address) {
        return ByteVector.fromMemorySegment(BOOL, ALL, address, ORDER);
    }

    /** The lanes whose flag is set; {@code part} counts vectors of {@link #COUNT} lanes within {@code flags}. */
    static VectorMask<Integer> mask(ByteVector flags, int part) {
        return flags.convertShape(VectorOperators.B2I, I32, part).compare(VectorOperators.NE, 0);
    }

    static FloatVector loadBf16(MemorySegment data, long offset) {
        return widen(ShortVector.fromMemorySegment(BF16, data, offset, ORDER));
    }

    /** Lanes outside the mask are 0. */
    static FloatVector loadBf16(MemorySegment data, long offset, VectorMask<Float> mask) {
        return widen(ShortVector.fromMemorySegment(BF16, data, offset, ORDER, mask.cast(BF16)));
    }

    static void storeBf16(FloatVector value, MemorySegment data, long offset) {
        narrow(value).intoMemorySegment(data, offset, ORDER);
    }

    static void storeBf16(FloatVector value, MemorySegment data, long offset, VectorMask<Float> mask) {
        narrow(value).intoMemorySegment(data, offset, ORDER, mask.cast(BF16));
    }

    /**
     * The sum of all lanes in one fixed order. {@code reduceLanes} leaves the order open and does choose another one in
     * compiled code than in interpreted.
     */
    static float sum(FloatVector value) {
        var sum = value.add(value.rearrange(SWAP_1));
        sum = sum.add(sum.rearrange(SWAP_2));
        if (COUNT >= 8) {
            sum = sum.add(sum.rearrange(SWAP_4));
        }
        if (COUNT >= 16) {
            sum = sum.add(sum.rearrange(SWAP_8));
        }
        return sum.lane(0);
    }

    /**
     * The greater of each two lanes, and {@code b} where {@code a} is NaN: cheaper than {@code max}, which must order zeros and pass
     * NaN on.
     */
    static FloatVector greater(FloatVector a, FloatVector b) {
        return b.blend(a, a.compare(VectorOperators.GT, b));
    }

    static float max(FloatVector value) {
        return value.reduceLanes(VectorOperators.MAX);
    }

    static float min(FloatVector value) {
        return value.reduceLanes(VectorOperators.MIN);
    }

    /** The values of bfloat16 bits; exact. */
    static FloatVector widen(ShortVector bits) {
        return ((IntVector) bits.convertShape(VectorOperators.ZERO_EXTEND_S2I, I32, 0))
                .lanewise(VectorOperators.LSHL, 16)
                .reinterpretAsFloats();
    }

    /** The values rounded to bfloat16, still as F32. */
    static FloatVector round(FloatVector value) {
        return upperHalf(value).lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
    }

    private static ShortVector narrow(FloatVector value) {
        return (ShortVector) upperHalf(value).convertShape(VectorOperators.I2S, BF16, 0);
    }

    /** As {@link io.coda4j.tensor.Bf16#fromFloat}: nearest, ties to even; NaN stays NaN. */
    private static IntVector upperHalf(FloatVector value) {
        var bits = value.reinterpretAsInts();
        var upper = bits.lanewise(VectorOperators.LSHR, 16);
        var rounded = bits.add(upper.and(1)).add(0x7fff).lanewise(VectorOperators.LSHR, 16);
        return rounded.blend(upper.or(0x40), value.test(VectorOperators.IS_NAN).cast(I32));
    }
}
