package io.coda4j.tpu.pjrt;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** How element types are numbered and how values lie in memory: {@code PJRT_Buffer_Type, PJRT_Buffer_MemoryLayout}. */
final class PjrtLayouts {
    private static final int TILED = 0;

    private PjrtLayouts() {}

    /** The number of an element type. */
    static int elementType(DType dtype) {
        return switch (dtype) {
            case BOOL -> 1;
            case I8 -> 2;
            case I32 -> 4;
            case F16 -> 10;
            case F32 -> 11;
            case F64 -> 12;
            case BF16 -> 13;
        };
    }

    /** The dimensions as integers of 8 bytes; no address without dimensions. */
    static MemorySegment dimensions(TensorType type, Arena arena) {
        return longs(IntStream.of(type.shape().dims()).asLongStream(), arena);
    }

    /** Dense row-major: the last axis is the innermost. To be given always: none means the device's own layout. */
    static StructView rowMajor(int rank, Arena arena) {
        var layout = StructView.allocate("Buffer_MemoryLayout", arena).putInt("type", TILED);
        var minorToMajor = longs(LongStream.range(0, rank).map(axis -> rank - 1 - axis), arena);
        layout.within("tiled", "Buffer_MemoryLayout_Tiled")
                .put("minor_to_major", minorToMajor)
                .put("minor_to_major_size", (long) rank);
        return layout;
    }

    private static MemorySegment longs(LongStream values, Arena arena) {
        var array = values.toArray();
        return array.length == 0 ? MemorySegment.NULL : arena.allocateFrom(JAVA_LONG, array);
    }
}
