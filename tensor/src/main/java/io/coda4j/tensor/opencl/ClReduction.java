package io.coda4j.tensor.opencl;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Primitive.ReduceOp;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Sums, maxima and minima along axes. */
final class ClReduction {
    private static final String SOURCE = ClResource.program("reduce.cl");
    private static final int MOST_AXES = 4;

    /** Fewer results than this are computed in pieces, so that all processors have work. */
    private static final int FEW_RESULTS = 256;

    /** Items that work together on one result on GPUs, where it has at least as many elements in a row. */
    private static final int TEAM = 128;

    /** A piece is not shorter than this. */
    private static final int SHORTEST_PIECE = 1024;

    private record Axis(int dim, long stride) {}

    private ClReduction() {}

    static Kernel of(
            ClDevice device, boolean forGpu, int group, ReduceOp op, TensorType x, List<Integer> axes, TensorType y) {
        var kept = merged(x.shape(), x.shape().axesExcept(axes));
        var gone = merged(x.shape(), axes.stream().sorted().toList());
        var last = gone.isEmpty() ? new Axis(1, 1) : gone.removeLast();
        int pieces = pieces(y.size(), last.dim);
        int length = (last.dim + pieces - 1) / pieces;
        var options = ClElement.of(x.dtype()) + " -D" + op.name();
        var whole = new Pass(
                device,
                forGpu,
                group,
                options + (pieces > 1 ? " -DPARTIAL" : ""),
                kept,
                gone,
                last,
                y.size(),
                pieces,
                length);
        if (pieces == 1) {
            return (in, out) -> whole.run(ClBuffer.of(in[0]), ClBuffer.of(out[0]));
        }
        var rows = new ArrayList<Axis>();
        rows.add(new Axis(Math.toIntExact(y.size()), pieces));
        var rest = new Pass(
                device,
                forGpu,
                group,
                options + " -DOF_PARTIAL",
                rows,
                List.of(),
                new Axis(pieces, 1),
                y.size(),
                1,
                pieces);
        long bytes = y.size() * pieces * x.dtype().accumulator().bytes();
        return (in, out) -> {
            try (var partial = device.memory().allocate(bytes)) {
                whole.run(ClBuffer.of(in[0]), partial);
                rest.run(partial, ClBuffer.of(out[0]));
            }
        };
    }

    private static int pieces(long results, int count) {
        if (results == 0 || results >= FEW_RESULTS || count < 2 * SHORTEST_PIECE) {
            return 1;
        }
        return (int) Math.min((count + SHORTEST_PIECE - 1) / SHORTEST_PIECE, FEW_RESULTS / results + 1);
    }

    /** The axes of {@code shape} in {@code list}, ascending, neighbours merged that are one axis. */
    private static List<Axis> merged(Shape shape, List<Integer> list) {
        long[] strides = shape.strides();
        var axes = new ArrayList<Axis>();
        for (int i : list) {
            var axis = new Axis(shape.dim(i), strides[i]);
            if (axis.dim == 1) {
                continue;
            }
            if (!axes.isEmpty() && axes.getLast().stride == axis.stride * axis.dim) {
                axis = new Axis(Math.multiplyExact(axes.removeLast().dim, axis.dim), axis.stride);
            }
            axes.add(axis);
        }
        return axes;
    }

    /** One launch: every result, or every piece of every result. */
    private static final class Pass {
        private final ClFunction function;
        private final Object[] numbers;
        private final long items;
        private final int group;

        Pass(
                ClDevice device,
                boolean forGpu,
                int group,
                String options,
                List<Axis> kept,
                List<Axis> outer,
                Axis last,
                long results,
                int pieces,
                int length) {
            long each = results * pieces;
            boolean isTeam = forGpu && last.stride == 1 && length >= TEAM;
            this.group = isTeam ? TEAM : group;
            this.items = isTeam ? each * TEAM : each;
            this.function =
                    device.programs().function(SOURCE, isTeam ? options + " -DTEAM=" + TEAM : options, "reduce");
            long outerItems = outer.stream().mapToLong(Axis::dim).reduce(1, Math::multiplyExact);
            this.numbers = new Object[] {
                ClGrid.count(each),
                dims(kept),
                strides(kept),
                ClGrid.count(outerItems),
                dims(outer),
                strides(outer),
                last.dim,
                last.stride,
                pieces,
                length
            };
        }

        void run(ClBuffer x, ClBuffer y) {
            var args = new Object[numbers.length + 2];
            args[0] = x;
            args[1] = y;
            System.arraycopy(numbers, 0, args, 2, numbers.length);
            function.run(items, group, args);
        }
    }

    private static int[] dims(List<Axis> axes) {
        if (axes.size() > MOST_AXES) {
            throw new DeviceException("a reduction over " + axes.size() + " separate groups of axes is not supported;"
                    + " transpose the tensor so that there are at most " + MOST_AXES);
        }
        int[] dims = new int[MOST_AXES];
        Arrays.fill(dims, 1);
        for (int k = 0; k < axes.size(); k++) {
            dims[k] = axes.get(axes.size() - 1 - k).dim;
        }
        return dims;
    }

    private static long[] strides(List<Axis> axes) {
        long[] strides = new long[MOST_AXES];
        for (int k = 0; k < axes.size(); k++) {
            strides[k] = axes.get(axes.size() - 1 - k).stride;
        }
        return strides;
    }
}
