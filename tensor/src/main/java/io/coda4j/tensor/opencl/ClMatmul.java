package io.coda4j.tensor.opencl;

import io.coda4j.tensor.DType;
import java.util.Optional;

/**
 * The product of two operands that are read with strides: {@code y[b,i,j] = sum over k of x[b,i,k] w[b,j,k]}. F16
 * and BF16 operands are widened as they are read, those of BF16 else multiplied on tensor cores; sums are F32, F64 for F64, or I32 for
 * I8.
 */
final class ClMatmul {
    private static final String EACH = ClResource.program("matmul_each.cl");
    private static final String BLOCK = ClResource.program("matmul_block.cl");
    /** What GPUs run. */
    static final String TILE = ClResource.program("matmul_tile.cl");

    /** The block of {@code matmul_block.cl}. */
    private static final int COLUMNS = 16;

    private static final int ROWS = 6;

    /** The side of a group of {@code matmul_tile.cl}. */
    private static final int SIDE = 16;

    /** How far neighbours along each axis of an operand are apart, in elements. */
    record Strides(long batch, long row, long step) {}

    /** Dimensions of a product. */
    record Size(int batches, int m, int n, int k) {}

    /** A bound product. */
    @FunctionalInterface
    interface Bound {
        /** Computes y. */
        void run(ClBuffer x, ClBuffer w, ClBuffer y);
    }

    private final ClDevice device;
    private final boolean forGpu;
    private final ClTuning tuning;
    private final ClTensorCores tensorCores;

    ClMatmul(ClDevice device, boolean forGpu, ClTuning tuning) {
        this(device, forGpu, tuning, ClTensorCores.none(device, "not asked for"));
    }

    /** Products, those of BF16 on {@code tensorCores} where these can be used and kernels are for GPUs. */
    ClMatmul(ClDevice device, boolean forGpu, ClTuning tuning, ClTensorCores tensorCores) {
        this.device = device;
        this.forGpu = forGpu;
        this.tuning = tuning;
        this.tensorCores = tensorCores;
    }

    /** Why products of BF16 do not run on tensor cores, or empty if they do. */
    Optional<String> tensorCoresUnusableBecause() {
        return tensorCores.unusableBecause(this);
    }

    Bound bind(DType dtype, Size size, Strides x, Strides w) {
        if (size.k == 0) {
            var zero = new byte[dtype.accumulator().bytes()];
            return (_, _, y) -> device.queue().fill(zero, y);
        }
        if (dtype == DType.F64 || dtype == DType.I8) {
            return each(dtype, size, x, w);
        }
        if (!forGpu) {
            return blocked(dtype, size, x, w);
        }
        return dtype == DType.BF16 && tensorCoresUnusableBecause().isEmpty()
                ? tensorCores.bind(size, x, w)
                : tiled(dtype, size, x, w);
    }

    private Bound each(DType dtype, Size size, Strides x, Strides w) {
        int items = ClGrid.count((long) size.batches * size.m * size.n);
        var function = device.programs().function(EACH, ClElement.of(dtype), "multiply");
        return (from, other, y) -> function.run(
                Integer.toUnsignedLong(items),
                64,
                from,
                other,
                y,
                items,
                size.m,
                size.n,
                size.k,
                x.batch,
                x.row,
                x.step,
                w.batch,
                w.row,
                w.step);
    }

    private Bound blocked(DType dtype, Size size, Strides x, Strides w) {
        var options = ClElement.of(dtype);
        var pack = device.programs().function(BLOCK, options, "pack");
        var multiply = device.programs().function(BLOCK, options, "multiply");
        int strips = (size.n + COLUMNS - 1) / COLUMNS;
        int chunks = (size.k + 15) / 16;
        int items = ClGrid.count((long) size.batches * strips * chunks);
        long bytes = 4L * size.batches * strips * COLUMNS * size.k;
        int group = rowGroup(size, strips);
        long[] grid = {strips, (size.m + group - 1) / group, size.batches};
        return (from, other, y) -> {
            try (var packed = device.memory().allocate(bytes)) {
                pack.run(items, 1, other, packed, items, size.n, size.k, strips, chunks, w.batch, w.row, w.step);
                multiply.run(
                        grid,
                        new long[] {1, 1, 1},
                        from,
                        packed,
                        y,
                        size.m,
                        size.n,
                        size.k,
                        group,
                        x.batch,
                        x.row,
                        x.step);
            }
        };
    }

    /** Rows of an item: many, so that a strip of w is reused, but not so many that processors wait. */
    private int rowGroup(Size size, int strips) {
        int group = tuning.rows();
        long enough = 4 * device.info().units();
        while (group > ROWS && (long) strips * size.batches * ((size.m + group - 1) / group) < enough) {
            group = Math.max(ROWS, group / 2 / ROWS * ROWS);
        }
        return group;
    }

    /** As {@link #bind}, by the kernel that every GPU can run. */
    Bound tiled(DType dtype, Size size, Strides x, Strides w) {
        var tile = tuning.tile();
        var options = ClElement.of(dtype) + tile.options();
        var multiply = device.programs().function(TILE, options, "multiply");
        long[] grid = {
            (long) SIDE * ((size.n + tile.n() - 1) / tile.n()),
            (long) SIDE * ((size.m + tile.m() - 1) / tile.m()),
            size.batches
        };
        return (from, other, y) -> multiply.run(
                grid,
                new long[] {SIDE, SIDE, 1},
                from,
                other,
                y,
                size.m,
                size.n,
                size.k,
                x.batch,
                x.row,
                x.step,
                w.batch,
                w.row,
                w.step);
    }
}
