package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** Rows of a table by number: taking copies and adding to them. */
final class Rows {
    /** Elements of one task, about. */
    private static final int PIECE = 16_384;

    /** Columns of one task that adds: two cache lines of each row at the least. */
    private static final int COLUMNS = 128;

    private Rows() {}

    static Kernel take(Parallel parallel, TensorType table, TensorType ids) {
        int rows = table.dim(0);
        int count = Math.toIntExact(ids.size());
        long bytes = rows == 0 ? 0 : table.byteSize() / rows;
        int perTask = Math.clamp(PIECE * 4L / Math.max(1, bytes), 1, PIECE);
        var prim = new Primitive.TakeRows();
        var launch = Launch.of(parallel, (count + perTask - 1) / perTask, (in, out, task) -> {
            for (int i = task * perTask; i < Math.min(count, (task + 1) * perTask); i++) {
                long row = in[1].get(JAVA_INT_UNALIGNED, i * 4L);
                MemorySegment.copy(in[0], row * bytes, out[0], i * bytes, bytes);
            }
        });
        return (in, out) -> {
            requireRows(prim, CpuBuffer.segment(in[1]), count, rows);
            launch.run(in, out);
        };
    }

    /** F32 only: the reference kernel says how sums of BF16 are rounded. */
    static Optional<Kernel> scatterAdd(Parallel parallel, TensorType ids, TensorType updates, TensorType y) {
        if (updates.dtype() != DType.F32) {
            return Optional.empty();
        }
        int rows = y.dim(0);
        int count = Math.toIntExact(ids.size());
        int width = rows == 0 ? 0 : Math.toIntExact(y.size() / rows);
        var zero = Movement.full(parallel, y, 0);
        var prim = new Primitive.ScatterAddRows(rows);
        // Each task owns some columns of all rows, so that the updates of a row are added in the order of the ids.
        var launch = Launch.of(parallel, (width + COLUMNS - 1) / COLUMNS, (in, out, task) -> {
            int column = task * COLUMNS;
            int n = Math.min(COLUMNS, width - column);
            long from = LaneLoop.address(in[1], (long) count * width * Float.BYTES);
            long to = LaneLoop.address(out[0], (long) rows * width * Float.BYTES);
            for (int i = 0; i < count; i++) {
                long row = in[0].get(JAVA_INT_UNALIGNED, i * 4L);
                add(from + ((long) i * width + column) * 4, to + (row * width + column) * 4, n);
            }
        });
        return Optional.of((in, out) -> {
            requireRows(prim, CpuBuffer.segment(in[0]), count, rows);
            zero.run(in, out);
            launch.run(in, out);
        });
    }

    /** Adds the {@code n} elements at one address to those at the other, see {@link Lanes#ALL}. */
    private static void add(long x, long y, int n) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(y + i * 4L).add(Lanes.load(x + i * 4L)), y + i * 4L);
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            var sum = Lanes.load(Lanes.ALL, y + i * 4L, tail).add(Lanes.load(Lanes.ALL, x + i * 4L, tail));
            Lanes.store(sum, Lanes.ALL, y + i * 4L, tail);
        }
    }

    /**
     * Checks that the I32 elements {@code 0 .. count-1} are rows of a table.
     *
     * @throws DeviceException naming the first that is not
     */
    static void requireRows(Primitive prim, MemorySegment ids, int count, int rows) {
        for (int i = 0; i < count; i++) {
            int id = ids.get(JAVA_INT_UNALIGNED, i * 4L);
            if (id < 0 || id >= rows) {
                throw new DeviceException(prim.mnemonic() + ": id " + id + " at position " + i
                        + " is outside the table; expected 0.." + (rows - 1)
                        + "; check that the ids and the table come from the same vocabulary");
            }
        }
    }
}
