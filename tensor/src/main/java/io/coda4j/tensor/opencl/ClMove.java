package io.coda4j.tensor.opencl;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A copy of elements between two places with strides of their own: {@code y[to + sum of index*yStride] = x[from + sum of
 * index*xStride]} for every index over the axes. Neighbouring axes that are one axis in both places are merged.
 */
final class ClMove {
    private static final String SOURCE = ClResource.program("movement.cl");
    private static final int MOST_AXES = 8;

    /** One axis, in elements. */
    private record Axis(int dim, long xStride, long yStride) {}

    /** A start in memory, clamped to {@code 0..last}, that moves {@code x} and {@code y} so far for each 1. */
    private record Start(int last, long xStep, long yStep) {}

    private final List<Axis> axes;
    private final long from;
    private final long to;
    private final @Nullable Start start;

    private ClMove(List<Axis> axes, long from, long to, @Nullable Start start) {
        this.axes = axes;
        this.from = from;
        this.to = to;
        this.start = start;
    }

    /** A copy over every index of {@code shape}, beginning at element {@code from} of x and {@code to} of y. */
    static ClMove of(Shape shape, long[] xStrides, long from, long[] yStrides, long to) {
        var axes = new ArrayList<Axis>();
        for (int i = 0; i < shape.rank(); i++) {
            var axis = new Axis(shape.dim(i), xStrides[i], yStrides[i]);
            if (axis.dim == 1) {
                continue;
            }
            var last = axes.isEmpty() ? null : axes.getLast();
            if (last != null && last.xStride == axis.xStride * axis.dim && last.yStride == axis.yStride * axis.dim) {
                axes.removeLast();
                axis = new Axis(Math.multiplyExact(last.dim, axis.dim), axis.xStride, axis.yStride);
            }
            axes.add(axis);
        }
        return new ClMove(axes, from, to, null);
    }

    /** This copy, shifted by a start read from memory. */
    ClMove startingAt(int last, long xStep, long yStep) {
        return new ClMove(axes, from, to, new Start(last, xStep, yStep));
    }

    /** A bound copy. */
    @FunctionalInterface
    interface Bound {
        /** Copies; {@code start} is read only if the copy is shifted by it. */
        void run(ClBuffer x, ClBuffer y, ClBuffer start);
    }

    /**
     * Prepares the copy of elements of {@code dtype}.
     *
     * @param run elements along the innermost axis that one item copies
     */
    Bound bind(ClProgramCache programs, DType dtype, int group, int run) {
        if (axes.size() > MOST_AXES) {
            throw new DeviceException("a copy over " + axes.size() + " axes of different strides is not supported; "
                    + "reshape the tensor to at most " + MOST_AXES);
        }
        var inner = axes.isEmpty() ? new Axis(1, 1, 1) : axes.getLast();
        int[] dims = new int[MOST_AXES];
        long[] xStrides = new long[MOST_AXES];
        long[] yStrides = new long[MOST_AXES];
        java.util.Arrays.fill(dims, 1);
        long items = 1;
        for (int k = 0; k < Math.max(1, axes.size()); k++) {
            var axis = k == 0 ? inner : axes.get(axes.size() - 1 - k);
            int per = k == 0 ? run : 1;
            dims[k] = (axis.dim + per - 1) / per;
            xStrides[k] = axis.xStride * per;
            yStrides[k] = axis.yStride * per;
            items = Math.multiplyExact(items, (long) dims[k]);
        }
        int count = ClGrid.count(items);
        int rank = Math.max(1, axes.size());
        var moving = start == null ? new Start(0, 0, 0) : start;
        var function = programs.function(SOURCE, ClElement.moved(dtype), "move");
        int moves = start == null ? 0 : 1;
        return (x, y, at) -> function.run(
                Integer.toUnsignedLong(count),
                group,
                x,
                y,
                at,
                moves,
                moving.last,
                moving.xStep,
                moving.yStep,
                count,
                rank,
                inner.dim,
                run,
                dims,
                xStrides,
                yStrides,
                from,
                to,
                inner.xStride,
                inner.yStride);
    }
}
