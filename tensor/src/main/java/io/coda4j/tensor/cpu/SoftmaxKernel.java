package io.coda4j.tensor.cpu;

import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.Optional;

/**
 * Softmax of rows: F32 in three passes, for the maximum, the exponentials with their sum, and the division. BF16 is computed in
 * F32 and rounded once, so that its exponentials are computed twice instead of being kept.
 */
final class SoftmaxKernel {
    private SoftmaxKernel() {}

    /** The kernel for rows along the last axis of {@code x}, or empty for other types. */
    static Optional<Kernel> of(Parallel parallel, TensorType x) {
        int n = x.dim(x.rank() - 1);
        long rows = n == 0 ? 0 : x.size() / n;
        return switch (x.dtype()) {
            case F32 ->
                Optional.of(Launch.rows(parallel, rows, n, (in, out, row) -> row(in[0], out[0], row * n * 4L, n)));
            case BF16 ->
                Optional.of(Launch.rows(parallel, rows, n, (in, out, row) -> rowBf16(in[0], out[0], row * n * 2L, n)));
            case F16, F64, I8, I32, BOOL -> Optional.empty();
        };
    }

    private static void row(MemorySegment from, MemorySegment to, long base, int n) {
        Objects.checkFromIndexSize(base, n * 4L, from.byteSize());
        Objects.checkFromIndexSize(base, n * 4L, to.byteSize());
        long x = from.address() + base;
        long y = to.address() + base;
        double sum = SoftmaxRows.exponentials(x, y, n, SoftmaxRows.greatest(x, n));
        SoftmaxRows.multiply(y, n, (float) (1 / sum));
    }

    private static void rowBf16(MemorySegment from, MemorySegment to, long base, int n) {
        Objects.checkFromIndexSize(base, n * 2L, from.byteSize());
        Objects.checkFromIndexSize(base, n * 2L, to.byteSize());
        long x = from.address() + base;
        long y = to.address() + base;
        float max = SoftmaxRows.greatestBf16(x, n);
        SoftmaxRows.exponentialsBf16(x, y, n, max, (float) (1 / SoftmaxRows.sumBf16(x, n, max)));
    }
}
