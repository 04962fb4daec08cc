package io.coda4j.tensor.opencl;

import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;

/** Adding rows at ids, in the order of the ids. */
final class ClScatter {
    private static final String SOURCE = ClResource.program("scatter.cl");

    /** What the head of a row's list is before any update is found. */
    private static final byte[] NONE = {-1, -1, -1, -1};

    private ClScatter() {}

    static Kernel of(ClDevice device, int group, TensorType ids, TensorType updates, TensorType y) {
        var options = ClElement.of(updates.dtype());
        var link = device.programs().function(SOURCE, options, "link_updates");
        var add = device.programs().function(SOURCE, options, "add_rows");
        int n = Math.toIntExact(ids.size());
        int rows = y.dim(0);
        int width = (int) (y.size() / Math.max(1, rows));
        int items = ClGrid.count(y.size());
        return (in, out) -> {
            try (var head = device.memory().allocate(4L * rows);
                    var next = device.memory().allocate(4L * n)) {
                device.queue().fill(NONE, head);
                link.run(n, group, ClBuffer.of(in[0]), head, next, n, rows);
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
}
