package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.TensorType;
import java.util.ArrayList;
import java.util.List;

/**
 * One operand of a product, seen as {@code batch.length} matrices of {@code outer x depth} elements.
 *
 * @param type the operand
 * @param axes all its axes in the order batch, outer, depth
 * @param batch where each matrix starts, in elements
 * @param outer number of rows
 * @param outerStride distance of two rows in elements
 * @param depth number of elements summed over
 * @param depthStride distance of two of them in elements; this or {@code outerStride} is 1
 * @param copied whether the operand is to be copied first, because its axes do not lie at such strides; then the
 *     fields describe the dense copy in the order of {@code axes}
 */
record MatmulOperand(
        TensorType type,
        List<Integer> axes,
        long[] batch,
        int outer,
        long outerStride,
        int depth,
        long depthStride,
        boolean copied) {

    /** Axes merged into one: {@code size} elements at {@code stride}. */
    private record Run(long size, long stride) {}

    /** The operand of {@code type} whose axes play these parts. */
    static MatmulOperand of(TensorType type, List<Integer> batch, List<Integer> outer, List<Integer> depth) {
        var axes = new ArrayList<Integer>(batch);
        axes.addAll(outer);
        axes.addAll(depth);
        long[] strides = type.shape().strides();
        var rows = merge(type, strides, outer);
        var sums = merge(type, strides, depth);
        if (rows.stride >= 0 && sums.stride >= 0 && (rows.stride == 1 || sums.stride == 1)) {
            return new MatmulOperand(
                    type,
                    axes,
                    offsets(type, strides, batch),
                    Math.toIntExact(rows.size),
                    rows.stride,
                    Math.toIntExact(sums.size),
                    sums.stride,
                    false);
        }
        long matrix = rows.size * sums.size;
        long[] starts = new long[offsets(type, strides, batch).length];
        for (int i = 0; i < starts.length; i++) {
            starts[i] = i * matrix;
        }
        int width = Math.toIntExact(sums.size);
        return new MatmulOperand(type, axes, starts, Math.toIntExact(rows.size), width, width, 1, true);
    }

    /** The axes as one run, with stride -1 if they do not lie at one stride; axes of size 1 do not matter. */
    private static Run merge(TensorType type, long[] strides, List<Integer> axes) {
        long size = 1;
        long stride = 1;
        for (int axis : axes.reversed()) {
            int dim = type.dim(axis);
            if (dim == 1) {
                continue;
            }
            if (size == 1) {
                stride = strides[axis];
            } else if (strides[axis] != size * stride) {
                stride = -1;
            }
            size *= dim;
            if (stride < 0) {
                return new Run(remaining(type, axes), -1);
            }
        }
        return new Run(size, stride);
    }

    private static long remaining(TensorType type, List<Integer> axes) {
        long size = 1;
        for (int axis : axes) {
            size *= type.dim(axis);
        }
        return size;
    }

    /** The element at which each combination of indices of the batch axes starts, the last axis running fastest. */
    private static long[] offsets(TensorType type, long[] strides, List<Integer> batch) {
        long[] offsets = {0};
        for (int axis : batch) {
            int dim = type.dim(axis);
            long[] next = new long[Math.multiplyExact(offsets.length, dim)];
            for (int i = 0; i < next.length; i++) {
                next[i] = offsets[i / dim] + i % dim * strides[axis];
            }
            offsets = next;
        }
        return offsets;
    }

    /** Whether elements are F16, which only frozen weights are: others were widened before. */
    boolean isHalf() {
        return type.dtype() == DType.F16;
    }

    /** Whether elements are BF16, to be widened when they are packed. */
    boolean narrow() {
        return type.dtype() == DType.BF16;
    }

    /** Whether the elements of a sum lie side by side. */
    boolean depthContiguous() {
        return depthStride == 1;
    }

    /** Bytes from the start of the operand to element ({@code row}, {@code k}) of matrix {@code index}. */
    long byteOffset(int index, int row, int k) {
        return (batch[index] + row * outerStride + k * depthStride)
                * type.dtype().bytes();
    }

    /** Bytes between rows. */
    long outerBytes() {
        return outerStride * type.dtype().bytes();
    }

    /** Bytes between elements of a sum. */
    long depthBytes() {
        return depthStride * type.dtype().bytes();
    }
}
