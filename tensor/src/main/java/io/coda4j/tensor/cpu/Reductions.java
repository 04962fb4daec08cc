package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.ReduceOp;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.LoopProgram;
import io.coda4j.tensor.cpu.x86.LoopProgram.Access;
import io.coda4j.tensor.cpu.x86.VectorLoop;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import io.coda4j.tensor.exec.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;

/**
 * Sums, maxima and minima along neighbouring axes, seen as x[outer,reduced,inner].
 *
 * <p>Every sum has one order, given by the shape and the width of a vector: lanes, then chunks in ascending order. F32
 * in vectors; I32 where inner is 1; everything else is left to the reference kernels.
 */
final class Reductions {
    /** Elements of one task, about, and of one part of a long row. */
    private static final int CHUNK = 16_384;

    /** Columns that are summed at once: one slot of scratch memory. */
    private static final int COLUMNS = Scratch.SLOT;

    private Reductions() {}

    /** x[outer,reduced,inner] with one axis for each run of neighbouring axes. */
    private record Form(long outer, long reduced, int inner) {
        /** The form of a reduction, or empty where the reduced axes are not neighbours. */
        static Optional<Form> of(TensorType x, List<Integer> axes) {
            long outer = 1;
            long reduced = 1;
            long inner = 1;
            boolean begun = false;
            for (int axis = 0; axis < x.rank(); axis++) {
                int dim = x.dim(axis);
                if (dim == 1) {
                    continue;
                }
                if (axes.contains(axis)) {
                    if (inner > 1) {
                        return Optional.empty();
                    }
                    begun = true;
                    reduced *= dim;
                } else if (begun) {
                    inner *= dim;
                } else {
                    outer *= dim;
                }
            }
            return inner <= Integer.MAX_VALUE ? Optional.of(new Form(outer, reduced, (int) inner)) : Optional.empty();
        }
    }

    static Optional<Kernel> reduce(
            Parallel parallel,
            Optional<VectorLoops> loops,
            ReduceOp op,
            TensorType x,
            List<Integer> axes,
            TensorType y) {
        if (x.dtype() != DType.F32 && x.dtype() != DType.I32) {
            return Optional.empty();
        }
        if (x.size() == 0) {
            return Optional.of(Movement.full(parallel, y, ofNothing(op, y.dtype())));
        }
        return Form.of(x, axes).flatMap(form -> reduce(parallel, loops, op, x, form));
    }

    private static Optional<Kernel> reduce(
            Parallel parallel, Optional<VectorLoops> loops, ReduceOp op, TensorType x, Form form) {
        if (form.reduced == 1) {
            return Optional.of(Movement.copy(parallel, x.byteSize()));
        }
        if (form.inner == 1) {
            return Optional.of(x.dtype() == DType.I32 ? intRows(parallel, op, form) : rows(parallel, loops, op, form));
        }
        return x.dtype() == DType.I32 ? Optional.empty() : Optional.of(columns(parallel, op, form));
    }

    private static double ofNothing(ReduceOp op, DType dtype) {
        return switch (op) {
            case SUM -> 0;
            case MAX -> dtype == DType.I32 ? Integer.MIN_VALUE : Double.NEGATIVE_INFINITY;
            case MIN -> dtype == DType.I32 ? Integer.MAX_VALUE : Double.POSITIVE_INFINITY;
        };
    }

    private static Kernel rows(Parallel parallel, Optional<VectorLoops> loops, ReduceOp op, Form form) {
        // Chunks are whole vectors if rows are.
        var sums = op == ReduceOp.SUM && form.reduced % Lanes.COUNT == 0
                ? loops.map(Reductions::sums)
                : Optional.<VectorLoop>empty();
        if (form.reduced <= CHUNK) {
            return shortRows(parallel, sums, op, form.outer, (int) form.reduced);
        }
        int chunks = Math.toIntExact((form.reduced + CHUNK - 1) / CHUNK);
        var partials = new float[Math.toIntExact(form.outer * chunks)];
        var launch = Launch.of(parallel, partials.length, (in, _, task) -> {
            long first = (long) (task % chunks) * CHUNK;
            int n = (int) Math.min(CHUNK, form.reduced - first);
            long x = LaneLoop.address(in[0], form.outer * form.reduced * 4);
            long at = x + (task / chunks * form.reduced + first) * 4;
            partials[task] = sums.isPresent()
                    ? Scratch.ofThread()
                            .call
                            .memory(0, at)
                            .result(1)
                            .run(sums.get(), n)
                            .value(1)
                    : row(op, at, n);
        });
        return (in, out) -> {
            launch.run(in, out);
            for (int i = 0; i < form.outer; i++) {
                float y = combine(op, partials, i * chunks, chunks);
                CpuBuffer.segment(out[0]).set(JAVA_FLOAT_UNALIGNED, i * 4L, y);
            }
        };
    }

    /** {@link #sum} of rows of whole vectors in machine code. */
    private static VectorLoop sums(VectorLoops loops) {
        var b = new LoopProgram.Builder();
        var x = b.load(b.memory(Access.ROWS));
        b.sum(b.memory(Access.COLUMN), x);
        return loops.required(b.program(4));
    }

    private static Kernel shortRows(Parallel parallel, Optional<VectorLoop> sums, ReduceOp op, long rows, int n) {
        int perTask = Math.max(1, CHUNK / n);
        int tasks = Math.toIntExact((rows + perTask - 1) / perTask);
        return Launch.of(parallel, tasks, (in, out, task) -> {
            long end = Math.min(rows, (task + 1L) * perTask);
            long x = LaneLoop.address(in[0], rows * n * 4);
            long y = LaneLoop.address(out[0], rows * 4);
            long first = (long) task * perTask;
            if (sums.isPresent()) {
                var call = Scratch.ofThread().call;
                call.memory(0, x + first * n * 4).memory(1, y + first * 4);
                call.run(sums.get(), (int) (end - first), n);
                return;
            }
            for (long i = first; i < end; i++) {
                Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, y + i * 4, row(op, x + i * n * 4, n));
            }
        });
    }

    private static float combine(ReduceOp op, float[] partials, int from, int n) {
        double result = partials[from];
        for (int i = from + 1; i < from + n; i++) {
            result = switch (op) {
                case SUM -> result + partials[i];
                case MAX -> Math.max(result, partials[i]);
                case MIN -> Math.min(result, partials[i]);
            };
        }
        return (float) result;
    }

    // Rows are addresses within operands whose sizes were checked, see Lanes.ALL.

    private static float row(ReduceOp op, long x, int n) {
        return switch (op) {
            case SUM -> sum(x, n);
            case MAX -> max(x, n);
            case MIN -> min(x, n);
        };
    }

    /** The sum of {@code n} floats at an address. */
    static float sum(long x, int n) {
        var s0 = FloatVector.zero(Lanes.F32);
        var s1 = s0;
        var s2 = s0;
        var s3 = s0;
        int i = 0;
        for (; i <= n - 4 * Lanes.COUNT; i += 4 * Lanes.COUNT) {
            s0 = s0.add(Lanes.load(x + i * 4L));
            s1 = s1.add(Lanes.load(x + (i + Lanes.COUNT) * 4L));
            s2 = s2.add(Lanes.load(x + (i + 2 * Lanes.COUNT) * 4L));
            s3 = s3.add(Lanes.load(x + (i + 3 * Lanes.COUNT) * 4L));
        }
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            s0 = s0.add(Lanes.load(x + i * 4L));
        }
        if (i < n) {
            s1 = s1.add(Lanes.load(Lanes.ALL, x + i * 4L, Lanes.tail(i, n)));
        }
        return Lanes.sum(s0.add(s1).add(s2.add(s3)));
    }

    /** The greatest of {@code n} floats at an address; NaN if one is NaN, -infinity if there are none. */
    static float max(long x, int n) {
        var s0 = FloatVector.broadcast(Lanes.F32, Float.NEGATIVE_INFINITY);
        var s1 = s0;
        int i = 0;
        for (; i <= n - 2 * Lanes.COUNT; i += 2 * Lanes.COUNT) {
            s0 = s0.max(Lanes.load(x + i * 4L));
            s1 = s1.max(Lanes.load(x + (i + Lanes.COUNT) * 4L));
        }
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            s0 = s0.max(Lanes.load(x + i * 4L));
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            s1 = s1.max(s0.blend(Lanes.load(Lanes.ALL, x + i * 4L, tail), tail));
        }
        return Lanes.max(s0.max(s1));
    }

    /** The greatest of {@code n} bfloat16 numbers at an address; NaN if one is NaN. */
    static float maxBf16(long x, int n) {
        var max = FloatVector.broadcast(Lanes.F32, Float.NEGATIVE_INFINITY);
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            max = max.max(Lanes.loadBf16(Lanes.ALL, x + i * 2L));
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            max = max.max(max.blend(Lanes.loadBf16(Lanes.ALL, x + i * 2L, tail), tail));
        }
        return Lanes.max(max);
    }

    private static float min(long x, int n) {
        var s0 = FloatVector.broadcast(Lanes.F32, Float.POSITIVE_INFINITY);
        var s1 = s0;
        int i = 0;
        for (; i <= n - 2 * Lanes.COUNT; i += 2 * Lanes.COUNT) {
            s0 = s0.min(Lanes.load(x + i * 4L));
            s1 = s1.min(Lanes.load(x + (i + Lanes.COUNT) * 4L));
        }
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            s0 = s0.min(Lanes.load(x + i * 4L));
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            s1 = s1.min(s0.blend(Lanes.load(Lanes.ALL, x + i * 4L, tail), tail));
        }
        return Lanes.min(s0.min(s1));
    }

    /** Tasks are blocks of columns of chunks of rows; chunks that share columns are combined in order afterwards. */
    private static Kernel columns(Parallel parallel, ReduceOp op, Form form) {
        int columns = Math.min(form.inner, COLUMNS);
        int blocks = (form.inner + columns - 1) / columns;
        int chunkRows = (int) Math.min(form.reduced, Math.max(16, 2 * CHUNK / columns));
        int chunks = Math.toIntExact((form.reduced + chunkRows - 1) / chunkRows);
        var partials = new float[chunks == 1 ? 0 : Math.toIntExact(form.outer * chunks * form.inner)];
        int perTask = Math.max(1, CHUNK / (chunkRows * columns));
        long pieces = form.outer * chunks * blocks;
        int tasks = Math.toIntExact((pieces + perTask - 1) / perTask);
        var launch = Launch.of(parallel, tasks, (in, out, task) -> {
            for (long i = (long) task * perTask; i < Math.min(pieces, (task + 1L) * perTask); i++) {
                int column = (int) (i % blocks) * columns;
                long chunk = i / blocks;
                long row = chunk / chunks * form.reduced + chunk % chunks * chunkRows;
                int rows = (int) Math.min(chunkRows, form.reduced - chunk % chunks * chunkRows);
                int n = Math.min(columns, form.inner - column);
                var sums = columnSums(op, in[0], (row * form.inner + column) * 4, form.inner * 4L, rows, n);
                long to = chunk * form.inner + column;
                if (chunks == 1) {
                    MemorySegment.copy(sums, 0, out[0], to * 4, n * 4L);
                } else {
                    MemorySegment.copy(sums, JAVA_FLOAT, 0, partials, (int) to, n);
                }
            }
        });
        return (in, out) -> {
            launch.run(in, out);
            if (chunks > 1) {
                combineColumns(op, partials, form, chunks, CpuBuffer.segment(out[0]));
            }
        };
    }

    private static MemorySegment columnSums(ReduceOp op, MemorySegment x, long base, long stride, int rows, int n) {
        var sums = Scratch.ofThread().slot(0);
        MemorySegment.copy(x, base, sums, 0, n * 4L);
        for (int row = 1; row < rows; row++) {
            switch (op) {
                case SUM -> addRow(x, base + row * stride, sums, n);
                case MAX -> maxRow(x, base + row * stride, sums, n);
                case MIN -> minRow(x, base + row * stride, sums, n);
            }
        }
        return sums;
    }

    /** {@code y += x} for {@code n} floats; {@code y} has room for whole vectors. */
    private static void addRow(MemorySegment x, long base, MemorySegment y, int n) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(y, i * 4L).add(Lanes.load(x, base + i * 4L)), y, i * 4L);
        }
        if (i < n) {
            Lanes.store(Lanes.load(y, i * 4L).add(Lanes.load(x, base + i * 4L, Lanes.tail(i, n))), y, i * 4L);
        }
    }

    private static void maxRow(MemorySegment x, long base, MemorySegment y, int n) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(y, i * 4L).max(Lanes.load(x, base + i * 4L)), y, i * 4L);
        }
        if (i < n) {
            Lanes.store(Lanes.load(y, i * 4L).max(Lanes.load(x, base + i * 4L, Lanes.tail(i, n))), y, i * 4L);
        }
    }

    private static void minRow(MemorySegment x, long base, MemorySegment y, int n) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(y, i * 4L).min(Lanes.load(x, base + i * 4L)), y, i * 4L);
        }
        if (i < n) {
            Lanes.store(Lanes.load(y, i * 4L).min(Lanes.load(x, base + i * 4L, Lanes.tail(i, n))), y, i * 4L);
        }
    }

    private static void combineColumns(ReduceOp op, float[] partials, Form form, int chunks, MemorySegment y) {
        int n = form.inner;
        for (int o = 0; o < form.outer; o++) {
            int first = o * chunks * n;
            for (int chunk = 1; chunk < chunks; chunk++) {
                combine(op, partials, first + chunk * n, first, n);
            }
            MemorySegment.copy(partials, first, y, JAVA_FLOAT_UNALIGNED, (long) o * n * 4, n);
        }
    }

    private static void combine(ReduceOp op, float[] partials, int from, int to, int n) {
        switch (op) {
            case SUM -> {
                for (int i = 0; i < n; i++) {
                    partials[to + i] += partials[from + i];
                }
            }
            case MAX -> {
                for (int i = 0; i < n; i++) {
                    partials[to + i] = Math.max(partials[to + i], partials[from + i]);
                }
            }
            case MIN -> {
                for (int i = 0; i < n; i++) {
                    partials[to + i] = Math.min(partials[to + i], partials[from + i]);
                }
            }
        }
    }

    /** Integers combine exactly, so that rows need not be split in a fixed way; one task is some rows. */
    private static Kernel intRows(Parallel parallel, ReduceOp op, Form form) {
        long perTask = Math.max(1, CHUNK / form.reduced);
        int tasks = Math.toIntExact((form.outer + perTask - 1) / perTask);
        return Launch.of(parallel, tasks, (in, out, task) -> {
            for (long i = task * perTask; i < Math.min(form.outer, (task + 1) * perTask); i++) {
                out[0].set(JAVA_INT_UNALIGNED, i * 4, intRow(op, in[0], i * form.reduced, form.reduced));
            }
        });
    }

    private static int intRow(ReduceOp op, MemorySegment x, long from, long n) {
        int result = x.get(JAVA_INT_UNALIGNED, from * 4);
        for (long i = from + 1; i < from + n; i++) {
            int value = x.get(JAVA_INT_UNALIGNED, i * 4);
            result = switch (op) {
                case SUM -> result + value;
                case MAX -> Math.max(result, value);
                case MIN -> Math.min(result, value);
            };
        }
        return result;
    }
}
