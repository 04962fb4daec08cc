package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.util.Optional;
import jdk.incubator.vector.VectorOperators;

/** The index of the greatest element of each row of F32 or BF16: its maximum first, then where that stands. */
final class ArgMaxKernel {
    private ArgMaxKernel() {}

    /** A kernel where {@code axis} is the last one, or empty for other axes and types. */
    static Optional<Kernel> of(Parallel parallel, TensorType x, int axis) {
        return Lanes.loadsAsF32(x.dtype()) && axis == x.rank() - 1 ? Optional.of(rows(parallel, x)) : Optional.empty();
    }

    private static Kernel rows(Parallel parallel, TensorType x) {
        int n = x.dim(-1);
        long rows = x.size() / n;
        long bytes = (long) n * x.dtype().bytes();
        boolean narrow = x.dtype() == DType.BF16;
        return Launch.rows(parallel, rows, n, (in, out, row) -> {
            long at = LaneLoop.address(in[0], rows * bytes) + row * bytes;
            int index = narrow ? argMaxBf16(at, n) : argMax(at, n);
            Lanes.ALL.set(JAVA_INT_UNALIGNED, LaneLoop.address(out[0], rows * 4) + row * 4, index);
        });
    }

    // Rows are addresses within operands whose sizes were checked, see Lanes.ALL.

    /** A row with NaN has no greatest element: the greatest integer, as in the meaning of the primitive. */
    private static int argMax(long x, int n) {
        float max = Reductions.max(x, n);
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var hit = Lanes.load(x + i * 4L).compare(VectorOperators.EQ, max);
            if (hit.anyTrue()) {
                return i + hit.firstTrue();
            }
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            var hit = Lanes.load(Lanes.ALL, x + i * 4L, tail)
                    .compare(VectorOperators.EQ, max)
                    .and(tail);
            return hit.anyTrue() ? i + hit.firstTrue() : Integer.MAX_VALUE;
        }
        return Integer.MAX_VALUE;
    }

    private static int argMaxBf16(long x, int n) {
        float max = Reductions.maxBf16(x, n);
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var hit = Lanes.loadBf16(Lanes.ALL, x + i * 2L).compare(VectorOperators.EQ, max);
            if (hit.anyTrue()) {
                return i + hit.firstTrue();
            }
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            var hit = Lanes.loadBf16(Lanes.ALL, x + i * 2L, tail)
                    .compare(VectorOperators.EQ, max)
                    .and(tail);
            return hit.anyTrue() ? i + hit.firstTrue() : Integer.MAX_VALUE;
        }
        return Integer.MAX_VALUE;
    }
}
