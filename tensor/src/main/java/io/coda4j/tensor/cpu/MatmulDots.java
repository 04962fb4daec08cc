package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.LANES;
import static io.coda4j.tensor.cpu.MicroKernel.ORDER;
import static io.coda4j.tensor.cpu.MicroKernel.SPECIES;

import io.coda4j.tensor.Bf16;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import jdk.incubator.vector.FloatVector;

/**
 * Products with few rows on one side, read as dot products of contiguous rows: the other side is read once from memory
 * and never packed.
 *
 * <p>Each sum has one vector accumulator whose lanes are added in a fixed order at the end. The last elements of a row
 * that fill no vector are added one by one: masked loads here would make the loops too big for C1.
 */
final class MatmulDots implements Matmul.Product, Parallel.Task {
    /** Rows on the narrow side up to which reading the wide side without packing is faster. */
    static final int MAX_FEW = 8;

    /** Multiply-adds of a task: some tens of microseconds at the speed of memory. */
    private static final long TASK = 1 << 18;

    private final MatmulOperand few;
    private final MatmulOperand many;
    private final boolean turned;
    private final Parallel parallel;
    private final MatmulContext context;
    private final int block;
    private final int blocks;

    // The operands of the run, which its tasks read.
    private MemorySegment left = MemorySegment.NULL;
    private MemorySegment right = MemorySegment.NULL;
    private MemorySegment result = MemorySegment.NULL;

    /** {@code turned}: {@code few} is the second operand of the product. */
    MatmulDots(MatmulOperand few, MatmulOperand many, boolean turned, Parallel parallel, MatmulContext context) {
        this.few = few;
        this.many = many;
        this.turned = turned;
        this.parallel = parallel;
        this.context = context;
        long rows = TASK / Math.max(1, (long) few.outer() * few.depth());
        this.block = MatmulBlocks.roundUp(Math.clamp(rows, 4, 1 << 20), 4);
        this.blocks = MatmulBlocks.count(many.outer(), block);
    }

    @Override
    public void run(MemorySegment lhs, MemorySegment rhs, MemorySegment product) {
        var rows = turned ? rhs : lhs;
        right = turned ? lhs : rhs;
        result = product;
        var wide = few.narrow() ? context.memory().borrow(rows.byteSize() * 2) : null;
        try {
            left = wide == null ? rows : widened(rows, wide.segment());
            parallel.forEach(few.batch().length * blocks, this);
        } finally {
            if (wide != null) {
                context.memory().giveBack(wide);
            }
        }
    }

    @Override
    public void run(int task) {
        var workspace = context.workspaces().borrow();
        task(task / blocks, task % blocks * block, workspace.tiles.tile);
        context.workspaces().giveBack(workspace);
    }

    /** The narrow side is small: widening it once keeps one form of it in the loops below. */
    private static MemorySegment widened(MemorySegment from, MemorySegment to) {
        MatmulPack.widen(from, to, from.byteSize() / Short.BYTES);
        return to;
    }

    private void task(int batch, int first, float[] sums) {
        int end = Math.min(many.outer(), first + block);
        long matrix = (long) batch * few.outer() * many.outer();
        for (int n = first; n < end; n += 4) {
            int count = Math.min(4, end - n);
            for (int m = 0; m < few.outer(); m += 2) {
                int pair = Math.min(2, few.outer() - m);
                dots(batch, m, pair, n, count, sums);
                for (int i = 0; i < pair; i++) {
                    for (int j = 0; j < count; j++) {
                        long at = turned ? (n + j) * (long) few.outer() + m + i : (m + i) * (long) many.outer() + n + j;
                        result.set(ValueLayout.JAVA_FLOAT, (matrix + at) * 4, total(sums, 4 * i + j));
                    }
                }
            }
        }
    }

    /**
     * Sums of the lanes of up to two rows against up to four: product (i, j) from {@code sums[(4 * i + j) * LANES]} on.
     * Rows past the last are replaced by the last, and their sums not used.
     */
    private void dots(int batch, int m, int pair, int n, int count, float[] sums) {
        long a0 = (few.batch()[batch] + m * few.outerStride()) * Float.BYTES;
        long a1 = (few.batch()[batch] + (m + pair - 1) * few.outerStride()) * Float.BYTES;
        long b0 = many.byteOffset(batch, n, 0);
        long b1 = many.byteOffset(batch, n + Math.min(1, count - 1), 0);
        long b2 = many.byteOffset(batch, n + Math.min(2, count - 1), 0);
        long b3 = many.byteOffset(batch, n + Math.min(3, count - 1), 0);
        if (many.narrow()) {
            if (pair == 1) {
                narrowOne(few.depth(), left, a0, right, b0, b1, b2, b3, sums);
            } else {
                narrowTwo(few.depth(), left, a0, a1, right, b0, b1, b2, b3, sums);
            }
        } else if (pair == 1) {
            wideOne(few.depth(), left, a0, right, b0, b1, b2, b3, sums);
        } else {
            wideTwo(few.depth(), left, a0, a1, right, b0, b1, b2, b3, sums);
        }
        for (int k = SPECIES.loopBound(few.depth()); k < few.depth(); k++) {
            for (int i = 0; i < pair; i++) {
                float x = left.get(ValueLayout.JAVA_FLOAT, (i == 0 ? a0 : a1) + k * 4L);
                for (int j = 0; j < count; j++) {
                    int lane = (4 * i + j) * LANES + k % LANES;
                    sums[lane] = Math.fma(x, element(right, many.byteOffset(batch, n + j, k)), sums[lane]);
                }
            }
        }
    }

    private float element(MemorySegment from, long at) {
        return many.narrow()
                ? Bf16.toFloat(from.get(ValueLayout.JAVA_SHORT, at))
                : from.get(ValueLayout.JAVA_FLOAT, at);
    }

    private static float total(float[] sums, int vector) {
        return LaneSum.of(sums, vector * LANES);
    }

    private static void wideOne(
            int depth,
            MemorySegment left,
            long a0,
            MemorySegment right,
            long b0,
            long b1,
            long b2,
            long b3,
            float[] sums) {
        var c0 = FloatVector.zero(SPECIES);
        var c1 = FloatVector.zero(SPECIES);
        var c2 = FloatVector.zero(SPECIES);
        var c3 = FloatVector.zero(SPECIES);
        for (int k = 0; k <= depth - LANES; k += LANES) {
            var x0 = FloatVector.fromMemorySegment(SPECIES, left, a0 + k * 4L, ORDER);
            var y0 = FloatVector.fromMemorySegment(SPECIES, right, b0 + k * 4L, ORDER);
            var y1 = FloatVector.fromMemorySegment(SPECIES, right, b1 + k * 4L, ORDER);
            var y2 = FloatVector.fromMemorySegment(SPECIES, right, b2 + k * 4L, ORDER);
            var y3 = FloatVector.fromMemorySegment(SPECIES, right, b3 + k * 4L, ORDER);
            c0 = x0.fma(y0, c0);
            c1 = x0.fma(y1, c1);
            c2 = x0.fma(y2, c2);
            c3 = x0.fma(y3, c3);
        }
        c0.intoArray(sums, 0);
        c1.intoArray(sums, LANES);
        c2.intoArray(sums, 2 * LANES);
        c3.intoArray(sums, 3 * LANES);
    }

    private static void wideTwo(
            int depth,
            MemorySegment left,
            long a0,
            long a1,
            MemorySegment right,
            long b0,
            long b1,
            long b2,
            long b3,
            float[] sums) {
        var c0 = FloatVector.zero(SPECIES);
        var c1 = FloatVector.zero(SPECIES);
        var c2 = FloatVector.zero(SPECIES);
        var c3 = FloatVector.zero(SPECIES);
        var d0 = FloatVector.zero(SPECIES);
        var d1 = FloatVector.zero(SPECIES);
        var d2 = FloatVector.zero(SPECIES);
        var d3 = FloatVector.zero(SPECIES);
        for (int k = 0; k <= depth - LANES; k += LANES) {
            var x0 = FloatVector.fromMemorySegment(SPECIES, left, a0 + k * 4L, ORDER);
            var x1 = FloatVector.fromMemorySegment(SPECIES, left, a1 + k * 4L, ORDER);
            var y0 = FloatVector.fromMemorySegment(SPECIES, right, b0 + k * 4L, ORDER);
            var y1 = FloatVector.fromMemorySegment(SPECIES, right, b1 + k * 4L, ORDER);
            var y2 = FloatVector.fromMemorySegment(SPECIES, right, b2 + k * 4L, ORDER);
            var y3 = FloatVector.fromMemorySegment(SPECIES, right, b3 + k * 4L, ORDER);
            c0 = x0.fma(y0, c0);
            c1 = x0.fma(y1, c1);
            c2 = x0.fma(y2, c2);
            c3 = x0.fma(y3, c3);
            d0 = x1.fma(y0, d0);
            d1 = x1.fma(y1, d1);
            d2 = x1.fma(y2, d2);
            d3 = x1.fma(y3, d3);
        }
        c0.intoArray(sums, 0);
        c1.intoArray(sums, LANES);
        c2.intoArray(sums, 2 * LANES);
        c3.intoArray(sums, 3 * LANES);
        d0.intoArray(sums, 4 * LANES);
        d1.intoArray(sums, 5 * LANES);
        d2.intoArray(sums, 6 * LANES);
        d3.intoArray(sums, 7 * LANES);
    }

    private static void narrowOne(
            int depth,
            MemorySegment left,
            long a0,
            MemorySegment right,
            long b0,
            long b1,
            long b2,
            long b3,
            float[] sums) {
        var c0 = FloatVector.zero(SPECIES);
        var c1 = FloatVector.zero(SPECIES);
        var c2 = FloatVector.zero(SPECIES);
        var c3 = FloatVector.zero(SPECIES);
        for (int k = 0; k <= depth - LANES; k += LANES) {
            var x0 = FloatVector.fromMemorySegment(SPECIES, left, a0 + k * 4L, ORDER);
            var y0 = MatmulPack.wide(right, b0 + k * 2L);
            var y1 = MatmulPack.wide(right, b1 + k * 2L);
            var y2 = MatmulPack.wide(right, b2 + k * 2L);
            var y3 = MatmulPack.wide(right, b3 + k * 2L);
            c0 = x0.fma(y0, c0);
            c1 = x0.fma(y1, c1);
            c2 = x0.fma(y2, c2);
            c3 = x0.fma(y3, c3);
        }
        c0.intoArray(sums, 0);
        c1.intoArray(sums, LANES);
        c2.intoArray(sums, 2 * LANES);
        c3.intoArray(sums, 3 * LANES);
    }

    private static void narrowTwo(
            int depth,
            MemorySegment left,
            long a0,
            long a1,
            MemorySegment right,
            long b0,
            long b1,
            long b2,
            long b3,
            float[] sums) {
        var c0 = FloatVector.zero(SPECIES);
        var c1 = FloatVector.zero(SPECIES);
        var c2 = FloatVector.zero(SPECIES);
        var c3 = FloatVector.zero(SPECIES);
        var d0 = FloatVector.zero(SPECIES);
        var d1 = FloatVector.zero(SPECIES);
        var d2 = FloatVector.zero(SPECIES);
        var d3 = FloatVector.zero(SPECIES);
        for (int k = 0; k <= depth - LANES; k += LANES) {
            var x0 = FloatVector.fromMemorySegment(SPECIES, left, a0 + k * 4L, ORDER);
            var x1 = FloatVector.fromMemorySegment(SPECIES, left, a1 + k * 4L, ORDER);
            var y0 = MatmulPack.wide(right, b0 + k * 2L);
            var y1 = MatmulPack.wide(right, b1 + k * 2L);
            var y2 = MatmulPack.wide(right, b2 + k * 2L);
            var y3 = MatmulPack.wide(right, b3 + k * 2L);
            c0 = x0.fma(y0, c0);
            c1 = x0.fma(y1, c1);
            c2 = x0.fma(y2, c2);
            c3 = x0.fma(y3, c3);
            d0 = x1.fma(y0, d0);
            d1 = x1.fma(y1, d1);
            d2 = x1.fma(y2, d2);
            d3 = x1.fma(y3, d3);
        }
        c0.intoArray(sums, 0);
        c1.intoArray(sums, LANES);
        c2.intoArray(sums, 2 * LANES);
        c3.intoArray(sums, 3 * LANES);
        d0.intoArray(sums, 4 * LANES);
        d1.intoArray(sums, 5 * LANES);
        d2.intoArray(sums, 6 * LANES);
        d3.intoArray(sums, 7 * LANES);
    }
}
