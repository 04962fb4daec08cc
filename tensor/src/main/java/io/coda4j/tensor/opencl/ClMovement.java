package io.coda4j.tensor.opencl;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Elements;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/** Primitives that make or move elements without computing. */
final class ClMovement {
    private static final String IOTA = ClResource.program("iota.cl");
    private static final String ROWS = ClResource.program("movement.cl");

    private final ClProgramCache programs;
    private final ClQueue queue;
    private final int group;
    private final int run;

    ClMovement(ClDevice device, boolean forGpu) {
        this.programs = device.programs();
        this.queue = device.queue();
        this.group = forGpu ? 256 : 64;
        this.run = forGpu ? 1 : 64;
    }

    Kernel full(TensorType type, double value) {
        var element = MemorySegment.ofArray(new byte[type.dtype().bytes()]);
        Elements.set(element, type.dtype(), 0, value);
        var pattern = element.toArray(ValueLayout.JAVA_BYTE);
        return (_, out) -> queue.fill(pattern, ClBuffer.of(out[0]));
    }

    Kernel iota(TensorType type, int axis) {
        int items = ClGrid.count(type.size());
        int inner = ClGrid.count(type.shape().strides()[axis]);
        var function = programs.function(IOTA, ClElement.of(type.dtype()), "iota");
        return (_, out) ->
                function.run(Integer.toUnsignedLong(items), group, ClBuffer.of(out[0]), items, inner, type.dim(axis));
    }

    /** Every operand to the result of the same number. */
    Kernel copyAll() {
        return (in, out) -> {
            for (int i = 0; i < out.length; i++) {
                queue.copy(ClBuffer.of(in[i]), ClBuffer.of(out[i]));
            }
        };
    }

    private Kernel move(ClMove move, DType dtype) {
        var bound = bind(move, dtype);
        return (in, out) -> bound.run(ClBuffer.of(in[0]), ClBuffer.of(out[0]), ClBuffer.of(in[0]));
    }

    /** A copy for this device. */
    ClMove.Bound bind(ClMove move, DType dtype) {
        return move.bind(programs, dtype, group, run);
    }

    Kernel transpose(TensorType x, List<Integer> permutation) {
        long[] xStrides = x.shape().strides();
        long[] strides = permutation.stream().mapToLong(axis -> xStrides[axis]).toArray();
        var y = Shape.of(permutation.stream().map(x::dim).toList());
        return move(ClMove.of(y, strides, 0, y.strides(), 0), x.dtype());
    }

    Kernel broadcast(TensorType x, Primitive.Broadcast broadcast) {
        long[] xStrides = x.shape().strides();
        long[] strides = new long[broadcast.dims().rank()];
        for (int i = 0; i < x.rank(); i++) {
            strides[broadcast.axes().get(i)] = x.dim(i) == 1 ? 0 : xStrides[i];
        }
        return move(ClMove.of(broadcast.dims(), strides, 0, broadcast.dims().strides(), 0), x.dtype());
    }

    Kernel slice(TensorType x, List<Integer> starts, TensorType y) {
        long[] strides = x.shape().strides();
        return move(
                ClMove.of(y.shape(), strides, offset(strides, starts), y.shape().strides(), 0), x.dtype());
    }

    Kernel pad(TensorType x, List<Integer> low, TensorType y) {
        long[] strides = y.shape().strides();
        var move = move(ClMove.of(x.shape(), x.shape().strides(), 0, strides, offset(strides, low)), x.dtype());
        var zero = new byte[x.dtype().bytes()];
        return (in, out) -> {
            queue.fill(zero, ClBuffer.of(out[0]));
            move.run(in, out);
        };
    }

    Kernel concat(List<TensorType> parts, int axis, TensorType y) {
        long[] strides = y.shape().strides();
        var moves = new ArrayList<ClMove.Bound>();
        long start = 0;
        for (var part : parts) {
            var move = ClMove.of(part.shape(), part.shape().strides(), 0, strides, start * strides[axis]);
            moves.add(bind(move, y.dtype()));
            start += part.dim(axis);
        }
        return (in, out) -> {
            var to = ClBuffer.of(out[0]);
            for (int i = 0; i < in.length; i++) {
                var from = ClBuffer.of(in[i]);
                moves.get(i).run(from, to, from);
            }
        };
    }

    Kernel dynamicSlice(TensorType x, int axis, TensorType y) {
        long[] strides = x.shape().strides();
        var move = ClMove.of(y.shape(), strides, 0, y.shape().strides(), 0)
                .startingAt(x.dim(axis) - y.dim(axis), strides[axis], 0);
        var bound = bind(move, x.dtype());
        return (in, out) -> bound.run(ClBuffer.of(in[0]), ClBuffer.of(out[0]), ClBuffer.of(in[1]));
    }

    Kernel dynamicUpdateSlice(TensorType x, TensorType update, int axis) {
        long[] strides = x.shape().strides();
        var move = ClMove.of(update.shape(), update.shape().strides(), 0, strides, 0)
                .startingAt(x.dim(axis) - update.dim(axis), 0, strides[axis]);
        var bound = bind(move, x.dtype());
        return (in, out) -> {
            queue.copy(ClBuffer.of(in[0]), ClBuffer.of(out[0]));
            bound.run(ClBuffer.of(in[1]), ClBuffer.of(out[0]), ClBuffer.of(in[2]));
        };
    }

    /** Rows of a table; an id outside it, which a kernel cannot report, reads zeros. */
    Kernel takeRows(TensorType table, TensorType ids, TensorType y) {
        int items = ClGrid.count(y.size());
        int width = (int) (y.size() / Math.max(1, ids.size()));
        var function = programs.function(ROWS, ClElement.moved(table.dtype()), "take_rows");
        return (in, out) -> function.run(
                Integer.toUnsignedLong(items),
                group,
                ClBuffer.of(in[0]),
                ClBuffer.of(in[1]),
                ClBuffer.of(out[0]),
                items,
                table.dim(0),
                width);
    }

    private static long offset(long[] strides, List<Integer> index) {
        long offset = 0;
        for (int axis = 0; axis < strides.length; axis++) {
            offset += index.get(axis) * strides[axis];
        }
        return offset;
    }
}
