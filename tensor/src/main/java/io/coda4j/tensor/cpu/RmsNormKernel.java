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

    /** Elements of rows that the passes over them find in the first-level cache. */
    private static final int BLOCK = 2048;

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
        int rows = n == 0 ? 0 : Math.toIntExact(x.size() / n);
        long rowBytes = (long) n * x.dtype().bytes();
        int perTask = Math.max(1, PIECE / Math.max(1, n));
        int block = Math.max(1, BLOCK / Math.max(1, n));
        var scales = new float[rows];
        return Launch.of(parallel, (rows + perTask - 1) / perTask, (in, out, task) -> {
            long x0 = LaneLoop.address(in[0], x.byteSize());
            long w = LaneLoop.address(in[1], rowBytes);
            long y0 = LaneLoop.address(out[0], x.byteSize());
            int end = Math.min(rows, (task + 1) * perTask);
            for (int row = task * perTask; row < end; row += block) {
                int count = Math.min(block, end - row);
                long from = x0 + row * rowBytes;
                long to = y0 + row * rowBytes;
                if (narrow) {
                    RmsNormRows.scalesBf16(from, count, n, eps, scales, row);
                    RmsNormRows.normalizeBf16(from, w, to, count, n, scales, row);
                } else {
                    RmsNormRows.scales(from, count, n, eps, scales, row);
                    RmsNormRows.normalize(from, w, to, count, n, scales, row);
                }
            }
        });
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
        int block = Math.max(1, BLOCK / Math.max(1, n));
        var partials = new float[Math.multiplyExact(Math.max(1, tasks), n)];
        var scales = new float[rows];
        var shares = new float[rows];
        long rowBytes = (long) n * x.dtype().bytes();
        boolean narrow = x.dtype() == DType.BF16;
        var launch = Launch.of(parallel, tasks, (in, out, task) -> {
            long w = LaneLoop.address(in[1], rowBytes);
            long x0 = LaneLoop.address(in[0], x.byteSize());
            long g0 = LaneLoop.address(in[2], x.byteSize());
            long dx0 = LaneLoop.address(out[0], x.byteSize());
            int end = Math.min(rows, (task + 1) * perTask);
            for (int row = task * perTask; row < end; row += block) {
                int count = Math.min(block, end - row);
                long from = row * rowBytes;
                if (narrow) {
                    RmsNormRows.statisticsBf16(x0 + from, w, g0 + from, count, n, eps, scales, shares, row);
                    RmsNormRows.gradientsBf16(
                            x0 + from, w, g0 + from, dx0 + from, count, n, scales, shares, row, partials, task * n);
                } else {
                    RmsNormRows.statistics(x0 + from, w, g0 + from, count, n, eps, scales, shares, row);
                    RmsNormRows.gradients(
                            x0 + from, w, g0 + from, dx0 + from, count, n, scales, shares, row, partials, task * n);
                }
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
}
