package io.coda4j.tensor.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Brings the axes of an operand into the order batch, outer, depth when its strides do not allow packing directly. */
final class MatmulCopy {
    private final MatmulOperand operand;
    private final Parallel parallel;
    private final NativeScratch memory = new NativeScratch();
    private final int[] dims;
    private final long[] strides;

    MatmulCopy(MatmulOperand operand, Parallel parallel) {
        this.operand = operand;
        this.parallel = parallel;
        var type = operand.type();
        long[] all = type.shape().strides();
        this.dims = operand.axes().stream().mapToInt(type::dim).toArray();
        this.strides = operand.axes().stream().mapToLong(axis -> all[axis]).toArray();
    }

    /** A dense copy of {@code from}, to be given back. */
    NativeScratch.Block borrow(MemorySegment from) {
        var block = memory.borrow(from.byteSize());
        parallel.forEach(dims[0], index -> {
            long bytes = from.byteSize() / dims[0];
            copy(from, index * strides[0], block.segment(), index * bytes, 1);
        });
        return block;
    }

    void giveBack(NativeScratch.Block block) {
        memory.giveBack(block);
    }

    /** Copies all elements whose indices before {@code axis} are fixed; returns the byte after the last one written. */
    private long copy(MemorySegment from, long element, MemorySegment to, long at, int axis) {
        if (axis == dims.length) {
            move(from, element, 0, 1, to, at);
            return at + operand.type().dtype().bytes();
        }
        if (axis == dims.length - 1) {
            move(from, element, strides[axis], dims[axis], to, at);
            return at + (long) dims[axis] * operand.type().dtype().bytes();
        }
        long end = at;
        for (int i = 0; i < dims[axis]; i++) {
            end = copy(from, element + i * strides[axis], to, end, axis + 1);
        }
        return end;
    }

    private void move(MemorySegment from, long element, long stride, int count, MemorySegment to, long at) {
        if (operand.narrow()) {
            for (int i = 0; i < count; i++) {
                short bits = from.get(ValueLayout.JAVA_SHORT, (element + i * stride) * 2);
                to.set(ValueLayout.JAVA_SHORT, at + i * 2L, bits);
            }
        } else {
            for (int i = 0; i < count; i++) {
                float value = from.get(ValueLayout.JAVA_FLOAT, (element + i * stride) * 4);
                to.set(ValueLayout.JAVA_FLOAT, at + i * 4L, value);
            }
        }
    }
}
