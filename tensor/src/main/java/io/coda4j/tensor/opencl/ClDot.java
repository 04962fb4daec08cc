package io.coda4j.tensor.opencl;

import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Products: brings both operands into the form [batch, row, step], which most are already in without moving anything,
 * and multiplies.
 */
final class ClDot {
    /** An operand as rows to be multiplied, in elements; {@code copy} is null where it is used as it lies. */
    private record Side(
            int rows, ClMatmul.Strides strides, @Nullable ClMove copy) {}

    private ClDot() {}

    static Kernel of(ClDevice device, ClMovement movement, ClMatmul matmul, Primitive.Dot dot, List<TensorType> in) {
        var x = in.get(0);
        var w = in.get(1);
        var left = side(x.shape(), dot.lhsBatch(), dot.lhsContract());
        var right = side(w.shape(), dot.rhsBatch(), dot.rhsContract());
        var size = new ClMatmul.Size(
                product(x.shape(), dot.lhsBatch()), left.rows, right.rows, product(x.shape(), dot.lhsContract()));
        var product = matmul.bind(x.dtype(), size, left.strides, right.strides);
        var leftCopy = left.copy == null ? null : movement.bind(left.copy, x.dtype());
        var rightCopy = right.copy == null ? null : movement.bind(right.copy, w.dtype());
        return (from, to) -> {
            try (var a = copied(device, leftCopy, ClBuffer.of(from[0]));
                    var b = copied(device, rightCopy, ClBuffer.of(from[1]))) {
                product.run(a.buffer, b.buffer, ClBuffer.of(to[0]));
            }
        };
    }

    /** An operand in the form it is multiplied in; closing gives a copy back and leaves the operand itself alone. */
    private record Held(ClBuffer buffer, boolean isCopy) implements AutoCloseable {
        @Override
        public void close() {
            if (isCopy) {
                buffer.close();
            }
        }
    }

    private static Held copied(ClDevice device, ClMove.@Nullable Bound copy, ClBuffer x) {
        if (copy == null) {
            return new Held(x, false);
        }
        var y = device.memory().allocate(x.byteSize());
        copy.run(x, y, x);
        return new Held(y, true);
    }

    private static int product(Shape shape, List<Integer> axes) {
        return axes.stream().mapToInt(shape::dim).reduce(1, Math::multiplyExact);
    }

    private static Side side(Shape shape, List<Integer> batch, List<Integer> contract) {
        var free = shape.axesExcept(batch, contract);
        int rows = product(shape, free);
        var batchStride = stride(shape, batch);
        var rowStride = stride(shape, free);
        var stepStride = stride(shape, contract);
        if (batchStride != null && rowStride != null && stepStride != null) {
            return new Side(rows, new ClMatmul.Strides(batchStride, rowStride, stepStride), null);
        }
        var order = new ArrayList<>(batch);
        order.addAll(free);
        order.addAll(contract);
        var strides = shape.strides();
        var dense = Shape.of(order.stream().map(shape::dim).toList());
        var copy =
                ClMove.of(dense, order.stream().mapToLong(axis -> strides[axis]).toArray(), 0, dense.strides(), 0);
        long steps = product(shape, contract);
        return new Side(rows, new ClMatmul.Strides(rows * steps, steps, 1), copy);
    }

    /** The distance between neighbours if {@code axes} are one axis, else null. */
    private static @Nullable Long stride(Shape shape, List<Integer> axes) {
        long[] strides = shape.strides();
        long inner = 0;
        long extent = 0;
        for (int axis : axes.reversed()) {
            if (shape.dim(axis) == 1) {
                continue;
            }
            if (extent == 0) {
                inner = strides[axis];
            } else if (strides[axis] != extent) {
                return null;
            }
            extent = strides[axis] * shape.dim(axis);
        }
        return inner;
    }
}
