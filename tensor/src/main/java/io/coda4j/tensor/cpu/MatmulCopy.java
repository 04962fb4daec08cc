package io.coda4j.tensor.cpu;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Brings the axes of an operand into the order batch, outer, depth when its strides do not allow packing directly. */
final class MatmulCopy implements Parallel.Task {
    private final MatmulOperand operand;
    private final Parallel parallel;
    private final NativeScratch memory = new NativeScratch();
    private final int[] dims;
    private final long[] strides;

    // What the tasks of the moment copy.
    private MemorySegment from = MemorySegment.NULL;
    private MemorySegment to = MemorySegment.NULL;

    MatmulCopy(MatmulOperand operand, Parallel parallel) {
        this.operand = operand;
        this.parallel = parallel;
        var type = operand.type();
        long[] all = type.shape().strides();
        this.dims = operand.axes().stream().mapToInt(type::dim).toArray();
        this.strides = operand.axes().stream().mapToLong(axis -> all[axis]).toArray();
    }

    /** A dense copy of {@code source}, to be given back. */
    NativeScratch.Block borrow(MemorySegment source) {
        var block = memory.borrow(source.byteSize());
        from = source;
        to = block.segment();
        parallel.forEach(dims[0], this);
        return block;
    }

    @Override
    public void run(int index) {
        copy(index * strides[0], index * (from.byteSize() / dims[0]), 1);
    }

    void giveBack(NativeScratch.Block block) {
        memory.giveBack(block);
    }

    /** Copies all elements whose indices before {@code axis} are fixed; returns the byte after the last one written. */
    private long copy(long element, long at, int axis) {
        if (axis == dims.length) {
            move(element, 0, 1, at);
            return at + operand.type().dtype().bytes();
        }
        if (axis == dims.length - 1) {
            move(element, strides[axis], dims[axis], at);
            return at + (long) dims[axis] * operand.type().dtype().bytes();
        }
        long end = at;
        for (int i = 0; i < dims[axis]; i++) {
            end = copy(element + i * strides[axis], end, axis + 1);
        }
        return end;
    }

    private void move(long element, long stride, int count, long at) {
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
