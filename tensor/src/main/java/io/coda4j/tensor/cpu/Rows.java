package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.VectorLoop;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import io.coda4j.tensor.exec.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;

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

    static Optional<Kernel> scatterAdd(
            Parallel parallel, Optional<VectorLoops> loops, TensorType ids, TensorType updates, TensorType y) {
        int rows = y.dim(0);
        int count = Math.toIntExact(ids.size());
        int width = rows == 0 ? 0 : Math.toIntExact(y.size() / rows);
        return switch (updates.dtype()) {
            case F32 -> {
                var add = loops.map(made -> RowLoops.add(made, false));
                yield Optional.of(scatterAdd(parallel, add, y, rows, count, width));
            }
            case BF16 -> Optional.of(scatterAddBf16(parallel, loops.map(RowLoops::new), y, rows, count, width));
            case BOOL, I8, I32, F16, F64 -> Optional.empty();
        };
    }

    private static Kernel scatterAdd(
            Parallel parallel, Optional<VectorLoop> add, TensorType y, int rows, int count, int width) {
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
                add(add, from + ((long) i * width + column) * 4, to + (row * width + column) * 4, n);
            }
        });
        return (in, out) -> {
            requireRows(prim, CpuBuffer.segment(in[0]), count, rows);
            zero.run(in, out);
            launch.run(in, out);
        };
    }

    /** Sums in F32, rounded once: so the updates of a row are brought together first. */
    private static Kernel scatterAddBf16(
            Parallel parallel, Optional<RowLoops> loops, TensorType y, int rows, int count, int width) {
        var prim = new Primitive.ScatterAddRows(rows);
        var groups = new Groups(rows, count);
        long rowBytes = 2L * width;
        int perTask = Math.clamp(PIECE / Math.max(1, width), 1, PIECE);
        var launch = Launch.of(parallel, (rows + perTask - 1) / perTask, (in, out, task) -> {
            long from = LaneLoop.address(in[1], count * rowBytes);
            long to = LaneLoop.address(out[0], rows * rowBytes);
            for (int row = task * perTask; row < Math.min(rows, (task + 1) * perTask); row++) {
                sumBf16(loops, from, groups, row, to + row * rowBytes, width);
            }
        });
        return (in, out) -> {
            var ids = CpuBuffer.segment(in[0]);
            requireRows(prim, ids, count, rows);
            groups.gather(ids);
            launch.run(in, out);
        };
    }

    /** The positions of the ids of each row, in their order: those of row r are {@code members[starts[r]..starts[r+1])}. */
    private static final class Groups {
        private final int[] starts;
        private final int[] members;

        Groups(int rows, int count) {
            starts = new int[rows + 1];
            members = new int[count];
        }

        /** A counting sort; the ids are rows. */
        void gather(MemorySegment ids) {
            Arrays.fill(starts, 0);
            for (int i = 0; i < members.length; i++) {
                starts[ids.get(JAVA_INT_UNALIGNED, i * 4L)]++;
            }
            for (int row = 1; row < starts.length; row++) {
                starts[row] += starts[row - 1];
            }
            // Now each group's end, from which its places are taken until it is the group's start.
            for (int i = members.length - 1; i >= 0; i--) {
                members[--starts[ids.get(JAVA_INT_UNALIGNED, i * 4L)]] = i;
            }
        }
    }

    // Whole vectors in machine code, if there is some, and the rest here.

    private static void add(Optional<VectorLoop> loop, long x, long y, int n) {
        int whole = loop.isPresent() ? Lanes.F32.loopBound(n) : 0;
        if (whole > 0) {
            Scratch.ofThread().call.memory(0, x).memory(1, y).run(loop.get(), whole);
        }
        add(x + whole * 4L, y + whole * 4L, n - whole);
    }

    private static void sumBf16(Optional<RowLoops> loops, long x, Groups groups, int row, long y, int n) {
        int start = groups.starts[row];
        int end = groups.starts[row + 1];
        int whole = loops.isPresent() ? Lanes.F32.loopBound(n) : 0;
        if (whole > 0) {
            loops.get().sumBf16(x, 2L * n, groups.members, start, end, y, whole);
        }
        sumBf16(x + whole * 2L, 2L * n, groups.members, start, end, y + whole * 2L, n - whole);
    }

    /**
     * The sum of the rows [n] at {@code x}, {@code rowBytes} apart, that {@code members} names between two places, see
     * {@link Lanes#ALL}.
     */
    private static void sumBf16(long x, long rowBytes, int[] members, int start, int end, long y, int n) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var sum = FloatVector.zero(Lanes.F32);
            for (int k = start; k < end; k++) {
                sum = sum.add(Lanes.loadBf16(Lanes.ALL, x + members[k] * rowBytes + i * 2L));
            }
            Lanes.storeBf16(sum, Lanes.ALL, y + i * 2L);
        }
        for (; i < n; i++) {
            float sum = 0;
            for (int k = start; k < end; k++) {
                sum += Bf16.toFloat(Lanes.ALL.get(JAVA_SHORT_UNALIGNED, x + members[k] * rowBytes + i * 2L));
            }
            Lanes.ALL.set(JAVA_SHORT_UNALIGNED, y + i * 2L, Bf16.fromFloat(sum));
        }
    }

    /** Adds the {@code n} elements at one address to those at the other, see {@link Lanes#ALL}. */
    static void add(long x, long y, int n) {
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
        long at = LaneLoop.address(ids, count * 4L);
        for (int i = 0; i < count; i++) {
            int id = Lanes.ALL.get(JAVA_INT_UNALIGNED, at + i * 4L);
            if (id < 0 || id >= rows) {
                throw new DeviceException(prim.mnemonic() + ": id " + id + " at position " + i
                        + " is outside the table; expected 0.." + (rows - 1)
                        + "; check that the ids and the table come from the same vocabulary");
            }
        }
    }
}
