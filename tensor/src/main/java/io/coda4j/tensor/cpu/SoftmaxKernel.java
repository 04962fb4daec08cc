package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;

/**
 * Softmax of rows: F32 in three passes, for the maximum, the exponentials with their sum, and the division. BF16 is computed in
 * F32 and rounded once, so that its exponentials are computed twice instead of being kept.
 */
final class SoftmaxKernel {
    /** Elements of one task, about, and of one partial sum of exponentials. */
    private static final int PIECE = 16_384;

    private SoftmaxKernel() {}

    /** The kernel for rows along the last axis of {@code x}, or empty for other types. */
    static Optional<Kernel> of(Parallel parallel, TensorType x) {
        int n = x.dim(x.rank() - 1);
        return switch (x.dtype()) {
            case F32 -> Optional.of(rows(parallel, x, (from, to, row) -> row(from, to, row * n * 4L, n)));
            case BF16 -> Optional.of(rows(parallel, x, (from, to, row) -> rowBf16(from, to, row * n * 2L, n)));
            case F16, F64, I8, I32, BOOL -> Optional.empty();
        };
    }

    /** What is computed for one row. */
    @FunctionalInterface
    private interface Row {
        void run(MemorySegment from, MemorySegment to, long row);
    }

    private static Kernel rows(Parallel parallel, TensorType x, Row each) {
        int n = x.dim(x.rank() - 1);
        long rows = n == 0 ? 0 : x.size() / n;
        long perTask = Math.max(1, PIECE / Math.max(1, n));
        return Launch.of(parallel, Math.toIntExact(Math.ceilDiv(rows, perTask)), (in, out, task) -> {
            for (long row = task * perTask; row < Math.min(rows, (task + 1) * perTask); row++) {
                each.run(in[0], out[0], row);
            }
        });
    }

    private static void row(MemorySegment x, MemorySegment y, long base, int n) {
        Objects.checkFromIndexSize(base, n * 4L, x.byteSize());
        Objects.checkFromIndexSize(base, n * 4L, y.byteSize());
        float max = Reductions.max(x, base, n);
        double sum = 0;
        for (int from = 0; from < n; from += PIECE) {
            long at = base + from * 4L;
            sum += exponentials(x.address() + at, y.address() + at, Math.min(PIECE, n - from), max);
        }
        multiply(y.address() + base, n, (float) (1 / sum));
    }

    /** y = exp(x - max), and the sum. */
    private static float exponentials(long x, long y, int n, float max) {
        var sum = FloatVector.zero(Lanes.F32);
        var maxima = FloatVector.broadcast(Lanes.F32, max);
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var e = VectorMath.exp(Lanes.load(x + i * 4L).sub(maxima));
            Lanes.store(e, y + i * 4L);
            sum = sum.add(e);
        }
        float rest = 0;
        for (; i < n; i++) {
            float e = VectorMath.exp(Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, x + i * 4L) - max);
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, y + i * 4L, e);
            rest += e;
        }
        return Lanes.sum(sum) + rest;
    }

    private static void multiply(long y, int n, float factor) {
        var factors = FloatVector.broadcast(Lanes.F32, factor);
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(y + i * 4L).mul(factors), y + i * 4L);
        }
        for (; i < n; i++) {
            float e = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, y + i * 4L);
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, y + i * 4L, e * factor);
        }
    }

    private static void rowBf16(MemorySegment x, MemorySegment y, long base, int n) {
        Objects.checkFromIndexSize(base, n * 2L, x.byteSize());
        Objects.checkFromIndexSize(base, n * 2L, y.byteSize());
        float max = CrossEntropyKernel.maxBf16(x, base, n);
        double sum = 0;
        for (int from = 0; from < n; from += PIECE) {
            sum += CrossEntropyKernel.sumExpBf16(x, base + from * 2L, Math.min(PIECE, n - from), max);
        }
        CrossEntropyKernel.exponentialsBf16(x, y, base, n, max, (float) (1 / sum));
    }
}
