package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
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

    private final TensorType x;
    private final double eps;
    private final int n;
    private final int rows;
    private final long rowBytes;

    /** Rows of one pass. */
    private final int block;

    private final RmsNormPasses passes;

    private RmsNormKernel(TensorType x, double eps, RmsNormPasses passes) {
        this.x = x;
        this.eps = eps;
        this.n = x.dim(-1);
        this.rows = n == 0 ? 0 : Math.toIntExact(x.size() / n);
        this.rowBytes = (long) n * x.dtype().bytes();
        this.block = Math.clamp(BLOCK / Math.max(1, n), 1, Scratch.SLOT);
        this.passes = passes.forRows(n);
    }

    static Optional<Kernel> forward(Parallel parallel, RmsNormPasses passes, TensorType x, double eps) {
        return Lanes.loadsAsF32(x.dtype())
                ? Optional.of(new RmsNormKernel(x, eps, passes).forward(parallel))
                : Optional.empty();
    }

    static Optional<Kernel> gradient(Parallel parallel, RmsNormPasses passes, TensorType x, double eps) {
        return Lanes.loadsAsF32(x.dtype())
                ? Optional.of(new RmsNormKernel(x, eps, passes).gradient(parallel))
                : Optional.empty();
    }

    private Kernel forward(Parallel parallel) {
        int perTask = Math.max(1, PIECE / Math.max(1, n));
        return Launch.of(parallel, (rows + perTask - 1) / perTask, (in, out, task) -> {
            long x0 = LaneLoop.address(in[0], x.byteSize());
            long w = LaneLoop.address(in[1], rowBytes);
            long y0 = LaneLoop.address(out[0], x.byteSize());
            int end = Math.min(rows, (task + 1) * perTask);
            for (int row = task * perTask; row < end; row += block) {
                forward(x0 + row * rowBytes, w, y0 + row * rowBytes, Math.min(block, end - row));
            }
        });
    }

    private void forward(long from, long w, long to, int count) {
        long r = Scratch.ofThread().address(0);
        passes.scales(from, count, n, eps, r);
        passes.normalize(from, w, to, count, n, r);
    }

    /** Each task sums dweight over its own chunk of rows; the chunks are then added in order. */
    private Kernel gradient(Parallel parallel) {
        int perTask = Math.max((rows + CHUNKS - 1) / CHUNKS, Math.max(1, PIECE / Math.max(1, n)));
        int tasks = (rows + perTask - 1) / perTask;
        var partials = Arena.ofAuto().allocate(Math.max(1L, tasks) * n * Float.BYTES, CpuMemory.ALIGNMENT);
        var launch = Launch.of(parallel, tasks, (in, out, task) -> {
            long w = LaneLoop.address(in[1], rowBytes);
            long x0 = LaneLoop.address(in[0], x.byteSize());
            long g0 = LaneLoop.address(in[2], x.byteSize());
            long dx0 = LaneLoop.address(out[0], x.byteSize());
            long dw = partials.address() + task * 4L * n;
            int end = Math.min(rows, (task + 1) * perTask);
            for (int row = task * perTask; row < end; row += block) {
                long from = row * rowBytes;
                gradient(x0 + from, w, g0 + from, dx0 + from, Math.min(block, end - row), dw);
            }
        });
        return (in, out) -> {
            partials.fill((byte) 0);
            launch.run(in, out);
            passes.addRows(partials.address() + 4L * n, tasks - 1, n, partials.address());
            storeWeight(partials, CpuBuffer.segment(out[1]));
        };
    }

    private void gradient(long from, long w, long g, long dx, int count, long dw) {
        var scratch = Scratch.ofThread();
        long r = scratch.address(0);
        long c = scratch.address(1);
        passes.statistics(from, w, g, count, n, eps, r, c);
        passes.gradients(from, w, g, dx, count, n, r, c, dw);
    }

    private void storeWeight(MemorySegment sums, MemorySegment y) {
        if (x.dtype() == DType.F32) {
            MemorySegment.copy(sums, 0, y, 0, n * 4L);
        } else {
            for (int i = 0; i < n; i++) {
                y.set(JAVA_SHORT_UNALIGNED, i * 2L, Bf16.fromFloat(sums.getAtIndex(JAVA_FLOAT, i)));
            }
        }
    }
}
