package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.coda4j.tensor.Bf16;
import java.lang.foreign.MemorySegment;

/**
 * Products with few rows on one side, read as dot products of contiguous rows: the other side is read once from memory
 * and never packed.
 *
 * <p>The vectors of a row are summed as {@link DotRows} says; the last elements, which fill no vector, are added to that one by one.
 */
final class MatmulDots implements Matmul.Product, Parallel.Task {
    /** Rows on the narrow side up to which reading the wide side without packing is faster. */
    static final int MAX_FEW = 8;

    /** Multiply-adds of a task: some tens of microseconds at the speed of memory. */
    private static final long TASK = 1 << 18;

    /** Bytes of the wide side that pairs of rows meet one after the other, if rows are short: half of a first-level cache. */
    private static final int NEAR = 1 << 14;

    private final MatmulOperand few;
    private final MatmulOperand many;
    private final boolean turned;
    private final Parallel parallel;
    private final MatmulContext context;
    private final DotRows dots;
    private final int whole;
    private final int block;
    private final int blocks;
    private final int together;

    // The operands of the run, which its tasks read, as addresses.
    private long left;
    private long right;
    private long result;

    /** {@code turned}: {@code few} is the second operand of the product. */
    MatmulDots(MatmulOperand few, MatmulOperand many, boolean turned, Parallel parallel, MatmulContext context) {
        this.few = few;
        this.many = many;
        this.turned = turned;
        this.parallel = parallel;
        this.context = context;
        this.dots = DotRows.of(context.loops().get(), many.narrow()).forRows(few.depth());
        this.whole = Lanes.F32.loopBound(few.depth());
        long rows = TASK / Math.max(1, (long) few.outer() * few.depth());
        this.block = MatmulBlocks.roundUp(Math.clamp(rows, DotRows.TOGETHER, 1 << 20), DotRows.TOGETHER);
        this.blocks = MatmulBlocks.count(many.outer(), block);
        long row = (long) few.depth() * many.type().dtype().bytes();
        long fitting = few.outer() <= 2 ? LoopCall.MAX_ELEMENTS / few.depth() : NEAR / row;
        this.together = Math.clamp(fitting, DotRows.TOGETHER, Scratch.SLOT);
    }

    @Override
    public void run(MemorySegment lhs, MemorySegment rhs, MemorySegment product) {
        var rows = turned ? rhs : lhs;
        var wide = few.narrow() ? context.memory().borrow(rows.byteSize() * 2) : null;
        try {
            left = LaneLoop.address(
                    wide == null ? rows : widened(rows, wide.segment()),
                    few.type().size() * Float.BYTES);
            right = LaneLoop.address(turned ? lhs : rhs, many.type().byteSize());
            result = LaneLoop.address(product, (long) few.batch().length * few.outer() * many.outer() * Float.BYTES);
            parallel.forEach(few.batch().length * blocks, this);
        } finally {
            if (wide != null) {
                context.memory().giveBack(wide);
            }
        }
    }

    /** The narrow side is small: widening it once keeps one form of it in the loops. */
    private static MemorySegment widened(MemorySegment from, MemorySegment to) {
        MatmulPack.widen(from, to, from.byteSize() / Short.BYTES);
        return to;
    }

    @Override
    public void run(int task) {
        int batch = task / blocks;
        int first = task % blocks * block;
        int end = Math.min(many.outer(), first + block);
        for (int n = first; n < end; n += together) {
            int count = Math.min(together, end - n);
            for (int m = 0; m < few.outer(); m += 2) {
                multiply(batch, m, Math.min(2, few.outer() - m), n, count);
            }
        }
    }

    /** One or two rows against {@code count}. */
    private void multiply(int batch, int m, int pair, int n, int count) {
        long stride = many.outerStride();
        long w = right + many.byteOffset(batch, n, 0);
        long x = row(batch, m);
        long y = sums(batch, m, n, 0);
        if (pair == 1) {
            dots.one(x, w, stride, count, whole, y);
        } else {
            dots.two(x, row(batch, m + 1), w, stride, count, whole, y, sums(batch, m + 1, n, 1));
        }
        for (int i = 0; i < pair; i++) {
            finish(batch, m + i, n, count, sums(batch, m + i, n, i));
        }
    }

    private long row(int batch, int m) {
        return left + (few.batch()[batch] + m * few.outerStride()) * Float.BYTES;
    }

    /** Where the sums of row m are made: where they belong if that is side by side, else in scratch memory {@code slot}. */
    private long sums(int batch, int m, int n, int slot) {
        return stride() == 1 ? at(batch, m, n) : Scratch.ofThread().address(slot);
    }

    /** Elements between results of neighbouring rows of the wide side. */
    private int stride() {
        return turned ? few.outer() : 1;
    }

    private long at(int batch, int m, int n) {
        long matrix = (long) batch * few.outer() * many.outer();
        long element = turned ? (long) n * few.outer() + m : (long) m * many.outer() + n;
        return result + (matrix + element) * Float.BYTES;
    }

    /** Adds what vectors left over to {@code count} sums of row m, and brings them to where they belong. */
    private void finish(int batch, int m, int n, int count, long sums) {
        long to = at(batch, m, n);
        if (whole == few.depth() && sums == to) {
            return;
        }
        for (int j = 0; j < count; j++) {
            float sum = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, sums + j * 4L);
            for (int k = whole; k < few.depth(); k++) {
                float x = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, row(batch, m) + k * 4L);
                sum = Math.fma(x, element(right + many.byteOffset(batch, n + j, k)), sum);
            }
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, to + (long) j * stride() * Float.BYTES, sum);
        }
    }

    private float element(long address) {
        return many.narrow()
                ? Bf16.toFloat(Lanes.ALL.get(JAVA_SHORT_UNALIGNED, address))
                : Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, address);
    }
}
