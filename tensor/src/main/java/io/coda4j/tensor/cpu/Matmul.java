package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;

/** Chooses how a {@link Primitive.Dot} of F32 or BF16 operands is computed. */
final class Matmul {
    /** Multiply-adds below which packing costs little and dot products cannot make up for adding their lanes. */
    private static final long SMALL = 1 << 14;

    /** Rows up to which packing a weight takes a good part of a product: with 384 strips gain 5 %, with 512 nothing. */
    private static final int FEW_ROWS = 384;

    private Matmul() {}

    /** How the operands of a product become one. */
    @FunctionalInterface
    private interface Choice {
        Product of(MatmulOperand left, MatmulOperand right, Parallel parallel, MatmulContext context);
    }

    /** The kernel for {@code dot}, or empty for F64 and I8, which the reference kernel serves. */
    static Optional<Kernel> bind(Primitive.Dot dot, List<TensorType> in, Parallel parallel, MatmulContext context) {
        return bind(dot, in, Matmul::choose, parallel, context);
    }

    /**
     * As {@link #bind}, for a frozen right operand that has no panels: where {@link PackedMatmul} would serve it if it had, each
     * sum has the order that it has there. Which of its forms is faster would depend on the number of rows, and so would
     * then the bits of a row.
     */
    static Optional<Kernel> bindUnpacked(
            Primitive.Dot dot, List<TensorType> in, Parallel parallel, MatmulContext context) {
        return packs(left(dot, in), right(dot, in))
                ? bind(
                        dot,
                        in,
                        (left, right, _, _) -> new MatmulKernel(left, right, false, parallel, context),
                        parallel,
                        context)
                : bind(dot, in, parallel, context);
    }

    private static Optional<Kernel> bind(
            Primitive.Dot dot, List<TensorType> in, Choice choice, Parallel parallel, MatmulContext context) {
        if (in.getFirst().dtype() == DType.F64 || in.getFirst().dtype() == DType.I8) {
            return Optional.empty();
        }
        var left = left(dot, in);
        var right = right(dot, in);
        if (left.batch().length == 0 || left.outer() == 0 || right.outer() == 0 || left.depth() == 0) {
            return Optional.of((_, out) -> CpuBuffer.segment(out[0]).fill((byte) 0));
        }
        return Optional.of(kernel(left, right, choice.of(left, right, parallel, context), parallel));
    }

    /**
     * As {@link #bind}, for a right operand that is the same array at each run, and may be F16.
     *
     * @param plain the kernel where that operand is not packed, see {@link #bindUnpacked}
     */
    static Optional<Kernel> bindFrozen(
            Primitive.Dot dot,
            List<TensorType> in,
            Optional<Kernel> plain,
            Parallel parallel,
            MatmulContext context,
            FrozenWeights weights) {
        if (plain.isEmpty() || !packs(left(dot, in), right(dot, in))) {
            return plain;
        }
        var right = right(dot, in);
        var left = left(dot, in);
        var layout = PackedWeights.Layout.vector(right);
        var product = new PackedMatmul(left, right.outer(), parallel, context);
        boolean waits = left.outer() >= FrozenWeights.MANY_ROWS && !right.isHalf();
        return Optional.of((from, to) -> {
            var buffer = CpuBuffer.of(from[1]);
            var packed = waits ? weights.ofSecondUse(right, buffer, layout) : weights.of(right, buffer, layout);
            if (packed != null) {
                product.run(CpuBuffer.segment(from[0]), packed, CpuBuffer.segment(to[0]));
            } else if (waits) {
                product.run(CpuBuffer.segment(from[0]), right, buffer.segment(), CpuBuffer.segment(to[0]));
            } else {
                plain.get().run(from, to);
            }
        });
    }

    static MatmulOperand left(Primitive.Dot dot, List<TensorType> in) {
        var type = in.get(0);
        var outer = type.shape().axesExcept(dot.lhsBatch(), dot.lhsContract());
        return MatmulOperand.of(type, dot.lhsBatch(), outer, dot.lhsContract());
    }

    static MatmulOperand right(Primitive.Dot dot, List<TensorType> in) {
        var type = in.get(1);
        var outer = type.shape().axesExcept(dot.rhsBatch(), dot.rhsContract());
        return MatmulOperand.of(type, dot.rhsBatch(), outer, dot.rhsContract());
    }

    /** Whether a product with a frozen right operand is one with panels that stay. */
    private static boolean packs(MatmulOperand left, MatmulOperand right) {
        return isMatrix(left)
                && isMatrix(right)
                && right.outer() > 0
                && (left.outer() >= PackedMatmul.LEAST || right.isHalf());
    }

    /** Whether {@code operand} is one matrix whose elements of a sum lie side by side. */
    static boolean isMatrix(MatmulOperand operand) {
        return operand.batch().length == 1 && operand.depthContiguous() && !operand.copied() && operand.depth() > 0;
    }

    /** A product of two native matrices, or of many pairs of them. */
    @FunctionalInterface
    interface Product {
        void run(MemorySegment lhs, MemorySegment rhs, MemorySegment result);
    }

    private static Product choose(MatmulOperand left, MatmulOperand right, Parallel parallel, MatmulContext context) {
        boolean rows = left.depthContiguous() && right.depthContiguous();
        long work = (long) left.outer() * right.outer() * left.depth();
        if (rows && work >= SMALL && Math.min(left.outer(), right.outer()) <= MatmulDots.MAX_FEW) {
            return left.outer() <= right.outer()
                    ? new MatmulDots(left, right, false, parallel, context)
                    : new MatmulDots(right, left, true, parallel, context);
        }
        if (inStrips(left, right)) {
            var product = new PackedMatmul(left, right.outer(), parallel, context);
            return (lhs, rhs, result) -> product.run(lhs, right, rhs, result);
        }
        return turned(left, right)
                ? new MatmulKernel(right, left, true, parallel, context)
                : new MatmulKernel(left, right, false, parallel, context);
    }

    /**
     * Whether few rows meet a weight whose columns lie side by side for each depth: packing it takes long, so its panels are to be used
     * while they are in the cache.
     */
    private static boolean inStrips(MatmulOperand left, MatmulOperand right) {
        boolean weight = right.batch().length == 1
                && !right.depthContiguous()
                && !right.copied()
                && right.outer() >= MatmulWorkspace.MAX_COLUMNS;
        return weight && isMatrix(left) && left.outer() <= FEW_ROWS;
    }

    /** Whether the first operand is the better one to pack into panels. */
    static boolean turned(MatmulOperand left, MatmulOperand right) {
        double turning = 0.6 * left.outer() * right.outer();
        return cost(right, left, true) + turning < cost(left, right, false);
    }

    /**
     * Rough nanoseconds of a product on one thread, packing {@code panels} into panels. Measured on AMD Zen 3: a row's
     * element costs 0.16 ns where the depth is contiguous and 0.25 where it is not, a panel's 0.63, which is a
     * transposition, and 0.5.
     */
    private static double cost(MatmulOperand rows, MatmulOperand panels, boolean turned) {
        double depth = rows.depth();
        int outer = panels.outer();
        // Which operand is packed decides on the order of long sums, so the caches of the machine must not decide on
        // that.
        var blocks = MatmulBlocks.of(
                rows.batch().length,
                rows.outer(),
                outer,
                rows.depth(),
                turned,
                MatmulBlocks.COMMON_THREADS,
                MatmulWorkspace.COMMON_ROWS);
        double multiply = 0.01
                * MatmulBlocks.roundUp(rows.outer(), MicroKernel.MR)
                * MatmulBlocks.roundUp(outer, MicroKernel.NR)
                * depth;
        double packRows = (rows.depthContiguous() ? 0.16 : 0.25) * rows.outer() * depth;
        double packPanels = (panels.depthContiguous() ? 0.63 : 0.5) * outer * depth;
        return multiply + packRows * MatmulBlocks.count(outer, blocks.columns()) + packPanels;
    }

    /** The kernel of {@code product}, which copies operands first whose axes are to be brought into order. */
    static Kernel kernel(MatmulOperand left, MatmulOperand right, Product product, Parallel parallel) {
        var whole = product;
        if (left.copied()) {
            var copy = new MatmulCopy(left, parallel);
            var inner = whole;
            whole = (lhs, rhs, result) -> {
                var dense = copy.borrow(lhs);
                inner.run(dense.segment(), rhs, result);
                copy.giveBack(dense);
            };
        }
        if (right.copied()) {
            var copy = new MatmulCopy(right, parallel);
            var inner = whole;
            whole = (lhs, rhs, result) -> {
                var dense = copy.borrow(rhs);
                inner.run(lhs, dense.segment(), result);
                copy.giveBack(dense);
            };
        }
        var complete = whole;
        return (in, out) -> complete.run(CpuBuffer.segment(in[0]), CpuBuffer.segment(in[1]), CpuBuffer.segment(out[0]));
    }
}
