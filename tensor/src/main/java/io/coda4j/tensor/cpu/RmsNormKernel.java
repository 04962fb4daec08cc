package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;

/**
 * RMSNorm and its gradient over rows x[N,D] (Zhang and Sennrich 2019).
 *
 * <p>With r = 1/sqrt(mean(x^2) + eps) the gradient is dx = r g w - x r^3 mean(g w x) and dweight = sum of g r x over the
 * rows. BF16 rows are computed in F32 and rounded where {@code Decompose} rounds: after the normalisation and after the
 * weight, and once in the gradient.
 */
final class RmsNormKernel {
    /** Elements of one task, about. */
    private static final int PIECE = 16_384;

    /** The most chunks of rows that have a sum of dweight each. */
    private static final int CHUNKS = 64;

    private RmsNormKernel() {}

    static Optional<Kernel> forward(Parallel parallel, TensorType x, double eps) {
        return switch (x.dtype()) {
            case F32, BF16 -> Optional.of(rows(parallel, x, eps));
            case BOOL, I8, I32, F16, F64 -> Optional.empty();
        };
    }

    private static Kernel rows(Parallel parallel, TensorType x, double eps) {
        int n = x.dim(-1);
        boolean narrow = x.dtype() == DType.BF16;
        long rows = n == 0 ? 0 : x.size() / n;
        long rowBytes = (long) n * x.dtype().bytes();
        int perTask = Math.max(1, PIECE / Math.max(1, n));
        return Launch.of(parallel, (rows + perTask - 1) / perTask, (in, out, task) -> {
            long x0 = LaneLoop.address(in[0], x.byteSize());
            long w = LaneLoop.address(in[1], rowBytes);
            long y0 = LaneLoop.address(out[0], x.byteSize());
            for (long row = (long) task * perTask; row < Math.min(rows, (task + 1L) * perTask); row++) {
                long from = x0 + row * rowBytes;
                long to = y0 + row * rowBytes;
                if (narrow) {
                    scaleBf16(from, w, to, n, inverseRms(squaresBf16(from, n), n, eps));
                } else {
                    scale(from, w, to, n, inverseRms(squares(from, n), n, eps));
                }
            }
        });
    }

    private static float inverseRms(float squares, int n, double eps) {
        return (float) (1 / Math.sqrt((double) squares / n + eps));
    }

    // Rows are addresses within operands whose sizes were checked, see Lanes.ALL.

    private static float squares(long x, int n) {
        var s0 = FloatVector.zero(Lanes.F32);
        var s1 = s0;
        var s2 = s0;
        var s3 = s0;
        int i = 0;
        for (; i <= n - 4 * Lanes.COUNT; i += 4 * Lanes.COUNT) {
            var x0 = Lanes.load(x + i * 4L);
            var x1 = Lanes.load(x + (i + Lanes.COUNT) * 4L);
            var x2 = Lanes.load(x + (i + 2 * Lanes.COUNT) * 4L);
            var x3 = Lanes.load(x + (i + 3 * Lanes.COUNT) * 4L);
            s0 = x0.fma(x0, s0);
            s1 = x1.fma(x1, s1);
            s2 = x2.fma(x2, s2);
            s3 = x3.fma(x3, s3);
        }
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var x0 = Lanes.load(x + i * 4L);
            s0 = x0.fma(x0, s0);
        }
        if (i < n) {
            var x1 = Lanes.load(Lanes.ALL, x + i * 4L, Lanes.tail(i, n));
            s1 = x1.fma(x1, s1);
        }
        return Lanes.sum(s0.add(s1).add(s2.add(s3)));
    }

    private static void scale(long x, long w, long y, int n, float r) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var value = Lanes.load(x + i * 4L).mul(r).mul(Lanes.load(w + i * 4L));
            Lanes.store(value, y + i * 4L);
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            var value = Lanes.load(Lanes.ALL, x + i * 4L, tail).mul(r).mul(Lanes.load(Lanes.ALL, w + i * 4L, tail));
            Lanes.store(value, Lanes.ALL, y + i * 4L, tail);
        }
    }

    private static float squaresBf16(long x, int n) {
        var s0 = FloatVector.zero(Lanes.F32);
        var s1 = s0;
        int i = 0;
        for (; i <= n - 2 * Lanes.COUNT; i += 2 * Lanes.COUNT) {
            var x0 = Lanes.loadBf16(Lanes.ALL, x + i * 2L);
            var x1 = Lanes.loadBf16(Lanes.ALL, x + (i + Lanes.COUNT) * 2L);
            s0 = x0.fma(x0, s0);
            s1 = x1.fma(x1, s1);
        }
        for (; i < n; i += Lanes.COUNT) {
            var x0 = Lanes.loadBf16(Lanes.ALL, x + i * 2L, Lanes.tail(i, n));
            s0 = x0.fma(x0, s0);
        }
        return Lanes.sum(s0.add(s1));
    }

    private static void scaleBf16(long x, long w, long y, int n, float r) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var unit = Lanes.round(Lanes.loadBf16(Lanes.ALL, x + i * 2L).mul(r));
            Lanes.storeBf16(unit.mul(Lanes.loadBf16(Lanes.ALL, w + i * 2L)), Lanes.ALL, y + i * 2L);
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            var unit = Lanes.round(Lanes.loadBf16(Lanes.ALL, x + i * 2L, tail).mul(r));
            Lanes.storeBf16(unit.mul(Lanes.loadBf16(Lanes.ALL, w + i * 2L, tail)), Lanes.ALL, y + i * 2L, tail);
        }
    }

    static Optional<Kernel> gradient(Parallel parallel, TensorType x, double eps) {
        return switch (x.dtype()) {
            case F32, BF16 -> Optional.of(gradientRows(parallel, x, eps));
            case BOOL, I8, I32, F16, F64 -> Optional.empty();
        };
    }

    /** Each task sums dweight over its own chunk of rows; the chunks are then added in order. */
    private static Kernel gradientRows(Parallel parallel, TensorType x, double eps) {
        int n = x.dim(-1);
        int rows = n == 0 ? 0 : Math.toIntExact(x.size() / n);
        int perTask = Math.max((rows + CHUNKS - 1) / CHUNKS, Math.max(1, PIECE / Math.max(1, n)));
        int tasks = (rows + perTask - 1) / perTask;
        var partials = new float[Math.multiplyExact(Math.max(1, tasks), n)];
        var scales = new float[rows];
        var shares = new float[rows];
        long rowBytes = (long) n * x.dtype().bytes();
        boolean narrow = x.dtype() == DType.BF16;
        var launch = Launch.of(parallel, tasks, (in, out, task) -> {
            int first = task * perTask;
            int count = Math.min(rows - first, perTask);
            long w = LaneLoop.address(in[1], rowBytes);
            long x0 = LaneLoop.address(in[0], x.byteSize()) + first * rowBytes;
            long g0 = LaneLoop.address(in[2], x.byteSize()) + first * rowBytes;
            long dx0 = LaneLoop.address(out[0], x.byteSize()) + first * rowBytes;
            if (narrow) {
                scalesBf16(x0, count, n, eps, scales, first);
                sharesBf16(x0, w, g0, count, n, scales, shares, first);
                gradientsBf16(x0, w, g0, dx0, count, n, scales, shares, first, partials, task * n);
            } else {
                scales(x0, count, n, eps, scales, first);
                shares(x0, w, g0, count, n, scales, shares, first);
                gradients(x0, w, g0, dx0, count, n, scales, shares, first, partials, task * n);
            }
        });
        return (in, out) -> {
            Arrays.fill(partials, 0);
            launch.run(in, out);
            for (int task = 1; task < tasks; task++) {
                for (int i = 0; i < n; i++) {
                    partials[i] += partials[task * n + i];
                }
            }
            storeWeight(partials, n, x.dtype(), CpuBuffer.segment(out[1]));
        };
    }

    private static void storeWeight(float[] sums, int n, DType dtype, MemorySegment y) {
        if (dtype == DType.F32) {
            MemorySegment.copy(sums, 0, y, JAVA_FLOAT_UNALIGNED, 0, n);
        } else {
            for (int i = 0; i < n; i++) {
                y.set(JAVA_SHORT_UNALIGNED, i * 2L, Bf16.fromFloat(sums[i]));
            }
        }
    }

    // The gradient goes over the rows of a task three times, each time in a method with a loop of its own. C2 counts
    // the nodes of all that it inlines into one method, and what it meets beyond 18,000 becomes a call that takes its
    // vector on the heap.

    /** r of {@code rows} rows. */
    private static void scales(long x, int rows, int n, double eps, float[] r, int at) {
        for (int row = 0; row < rows; row++) {
            r[at + row] = inverseRms(squares(x + row * 4L * n, n), n, eps);
        }
    }

    /** r^3 mean(g w x) of {@code rows} rows. */
    private static void shares(long x, long w, long g, int rows, int n, float[] r, float[] c, int at) {
        for (int row = 0; row < rows; row++) {
            long from = row * 4L * n;
            c[at + row] = share(r[at + row], projection(x + from, w, g + from, n), n);
        }
    }

    private static float share(float r, float projection, int n) {
        return (float) ((double) r * r * r * projection / n);
    }

    /** dx of {@code rows} rows, and what they add to dw. */
    private static void gradients(
            long x, long w, long g, long dx, int rows, int n, float[] r, float[] c, int at, float[] dw, int dwAt) {
        for (int row = 0; row < rows; row++) {
            long from = row * 4L * n;
            spread(x + from, w, g + from, dx + from, n, r[at + row], c[at + row], dw, dwAt);
        }
    }

    /** The sum of g w x. */
    private static float projection(long x, long w, long g, int n) {
        var s0 = FloatVector.zero(Lanes.F32);
        var s1 = s0;
        int i = 0;
        for (; i <= n - 2 * Lanes.COUNT; i += 2 * Lanes.COUNT) {
            int j = i + Lanes.COUNT;
            s0 = Lanes.load(g + i * 4L).mul(Lanes.load(w + i * 4L)).fma(Lanes.load(x + i * 4L), s0);
            s1 = Lanes.load(g + j * 4L).mul(Lanes.load(w + j * 4L)).fma(Lanes.load(x + j * 4L), s1);
        }
        for (; i < n; i += Lanes.COUNT) {
            var tail = Lanes.tail(i, n);
            var gw = Lanes.load(Lanes.ALL, g + i * 4L, tail).mul(Lanes.load(Lanes.ALL, w + i * 4L, tail));
            s0 = gw.fma(Lanes.load(Lanes.ALL, x + i * 4L, tail), s0);
        }
        return Lanes.sum(s0.add(s1));
    }

    /** dx = r g w - c x, and dw += g r x. */
    private static void spread(long x, long w, long g, long dx, int n, float r, float c, float[] dw, int at) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var value = Lanes.load(x + i * 4L);
            var gr = Lanes.load(g + i * 4L).mul(r);
            Lanes.store(gr.mul(Lanes.load(w + i * 4L)).sub(value.mul(c)), dx + i * 4L);
            gr.fma(value, FloatVector.fromArray(Lanes.F32, dw, at + i)).intoArray(dw, at + i);
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            var value = Lanes.load(Lanes.ALL, x + i * 4L, tail);
            var gr = Lanes.load(Lanes.ALL, g + i * 4L, tail).mul(r);
            Lanes.store(
                    gr.mul(Lanes.load(Lanes.ALL, w + i * 4L, tail)).sub(value.mul(c)), Lanes.ALL, dx + i * 4L, tail);
            gr.fma(value, FloatVector.fromArray(Lanes.F32, dw, at + i, tail)).intoArray(dw, at + i, tail);
        }
    }

    private static void scalesBf16(long x, int rows, int n, double eps, float[] r, int at) {
        for (int row = 0; row < rows; row++) {
            r[at + row] = inverseRms(squaresBf16(x + row * 2L * n, n), n, eps);
        }
    }

    private static void sharesBf16(long x, long w, long g, int rows, int n, float[] r, float[] c, int at) {
        for (int row = 0; row < rows; row++) {
            long from = row * 2L * n;
            c[at + row] = share(r[at + row], projectionBf16(x + from, w, g + from, n), n);
        }
    }

    private static void gradientsBf16(
            long x, long w, long g, long dx, int rows, int n, float[] r, float[] c, int at, float[] dw, int dwAt) {
        for (int row = 0; row < rows; row++) {
            long from = row * 2L * n;
            spreadBf16(x + from, w, g + from, dx + from, n, r[at + row], c[at + row], dw, dwAt);
        }
    }

    private static float projectionBf16(long x, long w, long g, int n) {
        var sum = FloatVector.zero(Lanes.F32);
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var gw = Lanes.loadBf16(Lanes.ALL, g + i * 2L).mul(Lanes.loadBf16(Lanes.ALL, w + i * 2L));
            sum = gw.fma(Lanes.loadBf16(Lanes.ALL, x + i * 2L), sum);
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            var gw = Lanes.loadBf16(Lanes.ALL, g + i * 2L, tail).mul(Lanes.loadBf16(Lanes.ALL, w + i * 2L, tail));
            sum = gw.fma(Lanes.loadBf16(Lanes.ALL, x + i * 2L, tail), sum);
        }
        return Lanes.sum(sum);
    }

    private static void spreadBf16(long x, long w, long g, long dx, int n, float r, float c, float[] dw, int at) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var value = Lanes.loadBf16(Lanes.ALL, x + i * 2L);
            var gr = Lanes.loadBf16(Lanes.ALL, g + i * 2L).mul(r);
            Lanes.storeBf16(gr.mul(Lanes.loadBf16(Lanes.ALL, w + i * 2L)).sub(value.mul(c)), Lanes.ALL, dx + i * 2L);
            gr.fma(value, FloatVector.fromArray(Lanes.F32, dw, at + i)).intoArray(dw, at + i);
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            var value = Lanes.loadBf16(Lanes.ALL, x + i * 2L, tail);
            var gr = Lanes.loadBf16(Lanes.ALL, g + i * 2L, tail).mul(r);
            Lanes.storeBf16(
                    gr.mul(Lanes.loadBf16(Lanes.ALL, w + i * 2L, tail)).sub(value.mul(c)),
                    Lanes.ALL,
                    dx + i * 2L,
                    tail);
            gr.fma(value, FloatVector.fromArray(Lanes.F32, dw, at + i, tail)).intoArray(dw, at + i, tail);
        }
    }
}
