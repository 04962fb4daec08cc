package io.coda4j.tensor.opencl;

import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;

/** Adding rows at ids, in the order of the ids. */
final class ClScatter {
    private static final String SOURCE = ClResource.program("scatter.cl");

    /** What the head of a row's list is before any update is found. */
    private static final byte[] NONE = {-1, -1, -1, -1};

    private ClScatter() {}

    /** {@code n} updates of {@code rows} rows become one list for each row. */
    @FunctionalInterface
    private interface Links {
        void make(ClBuffer ids, ClBuffer head, ClBuffer next);
    }

    static Kernel of(ClDevice device, boolean forGpu, int group, TensorType ids, TensorType updates, TensorType y) {
        var options = ClElement.of(updates.dtype());
        int n = Math.toIntExact(ids.size());
        int rows = y.dim(0);
        var links = forGpu ? sorted(device, options, group, n, rows) : inTurn(device, options, n, rows);
        var add = device.programs().function(SOURCE, options, "add_rows");
        int width = (int) (y.size() / Math.max(1, rows));
        int items = ClGrid.count(y.size());
        return (in, out) -> {
            try (var head = device.memory().allocate(4L * rows);
                    var next = device.memory().allocate(4L * n)) {
                device.queue().fill(NONE, head);
                links.make(ClBuffer.of(in[0]), head, next);
                add.run(
                        Integer.toUnsignedLong(items),
                        group,
                        ClBuffer.of(in[1]),
                        head,
                        next,
                        ClBuffer.of(out[0]),
                        items,
                        width);
            }
        };
    }

    private static Links inTurn(ClDevice device, String options, int n, int rows) {
        var link = device.programs().function(SOURCE, options, "link_in_turn");
        return (ids, head, next) -> link.run(1, 1, ids, head, next, n, rows);
    }

    private static Links sorted(ClDevice device, String options, int group, int n, int rows) {
        var first = device.programs().function(SOURCE, options, "first_order");
        var merge = device.programs().function(SOURCE, options, "merge_runs");
        var link = device.programs().function(SOURCE, options, "link_sorted");
        return (ids, head, next) -> {
            try (var one = device.memory().allocate(4L * n);
                    var other = device.memory().allocate(4L * n)) {
                var order = one;
                var merged = other;
                first.run(n, group, order, n);
                for (long width = 1; width < n; width *= 2) {
                    merge.run(n, group, ids, order, merged, n, (int) width);
                    var last = order;
                    order = merged;
                    merged = last;
                }
                link.run(n, group, ids, order, head, next, n, rows);
            }
        };
    }
}
