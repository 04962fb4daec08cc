package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.util.Optional;

/**
 * Softmax of rows: F32 in three passes, for the maximum, the exponentials with their sum, and the division. BF16 is computed in
 * F32 and rounded once, so that its exponentials are computed twice instead of being kept.
 */
final class SoftmaxKernel {
    private SoftmaxKernel() {}

    /** The kernel for rows along the last axis of {@code x}, or empty for other types. */
    static Optional<Kernel> of(Parallel parallel, SoftmaxPasses passes, TensorType x) {
        return Lanes.loadsAsF32(x.dtype()) ? Optional.of(rows(parallel, passes, x)) : Optional.empty();
    }

    private static Kernel rows(Parallel parallel, SoftmaxPasses passes, TensorType x) {
        int n = x.dim(x.rank() - 1);
        long rows = n == 0 ? 0 : x.size() / n;
        long bytes = (long) n * x.dtype().bytes();
        boolean narrow = x.dtype() == DType.BF16;
        return Launch.rows(parallel, rows, n, (in, out, row) -> {
            long from = LaneLoop.address(in[0], x.byteSize()) + row * bytes;
            long to = LaneLoop.address(out[0], x.byteSize()) + row * bytes;
            if (narrow) {
                rowBf16(passes, from, to, n);
            } else {
                row(passes, from, to, n);
            }
        });
    }

    private static void row(SoftmaxPasses passes, long x, long y, int n) {
        double sum = passes.exponentials(x, y, n, passes.greatest(x, n));
        passes.multiply(y, n, (float) (1 / sum));
    }

    private static void rowBf16(SoftmaxPasses passes, long x, long y, int n) {
        float max = passes.greatest(x, n);
        passes.exponentials(x, y, n, max, (float) (1 / passes.sum(x, n, max)));
    }
}
