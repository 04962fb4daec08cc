package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.spi.Buffer;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;

/**
 * One Adafactor update of F32 matrices with factored second moments, in three passes over memory; results may be their
 * operands.
 *
 * <ol>
 *   <li>reads g, for the sums of squares of its rows and columns;
 *   <li>reads g, for the root mean square of the update: the factors of its columns are known only when all rows have been
 *       read;
 *   <li>reads g and p and writes p: each element of the update is divided by what that root mean square asks for.
 * </ol>
 *
 * <p>So an element costs 20 bytes, where AdamW's cost 28, and no algorithm that clips by this rule has fewer passes. The
 * second goes through the rows backwards, so that each pass begins with what the one before has left in the caches.
 * Sums are made of blocks of rows, fixed by the shape, and blocks are added in order: bits do not depend on threads.
 */
final class AdafactorKernel implements Kernel {
    /** Elements of one task, at least, and columns of one task between the first passes. */
    private static final int PIECE = 16_384;

    private static final int COLUMNS = 1024;

    /** The most blocks of the rows of a matrix: each has sums of its own of all columns. */
    private static final int BLOCKS = 64;

    /** Matrices p[groups,matrices,rows,columns]; those of a group are clipped together. */
    private record Form(int groups, int matrices, int rows, int columns) {
        static Form of(TensorType p, boolean isStack) {
            int groups = isStack ? p.dim(0) : 1;
            long each = (long) p.dim(-2) * p.dim(-1);
            return new Form(groups, Math.toIntExact(p.size() / groups / each), p.dim(-2), p.dim(-1));
        }

        /** Floats from the sums of one block to those of the next: whole cache lines. */
        long stride() {
            return (columns + 15L) / 16 * 16;
        }

        long elements() {
            return (long) matrices * rows * columns;
        }
    }

    private final Parallel parallel;
    private final NativeScratch memory;
    private final Form form;
    private final float eps;
    private final double clipThreshold;

    /** Rows of a block, and blocks of a matrix. */
    private final int blockRows;

    private final int blocks;
    private final int columnTasks;
    private final double[] squaresOfBlocks;
    private final double[] meansOfRows;

    private final Parallel.Task firstPass = this::sumSquares;
    private final Parallel.Task columnSums = this::averageColumns;
    private final Parallel.Task secondPass = this::sumUpdate;
    private final Parallel.Task thirdPass = this::update;

    // Of one run, which its tasks read: addresses of the group's tensors, and scalars.
    private long p;
    private long rows;
    private long columns;
    private long g;
    private long newP;
    private long newRows;
    private long newColumns;
    private float rate;
    private float decay;
    private float rho;
    private float fresh;

    /** What the update is multiplied by. */
    private double step;

    /** The sums of squares of columns [matrices,blocks,stride], and the inverse roots of their means [matrices,stride]. */
    private long sums;

    private long factors;

    private AdafactorKernel(Parallel parallel, NativeScratch memory, Form form, Primitive.Adafactor prim) {
        this.parallel = parallel;
        this.memory = memory;
        this.form = form;
        this.eps = (float) prim.eps();
        this.clipThreshold = prim.clipThreshold();
        int least = Math.max(1, PIECE / form.columns);
        this.blockRows = Math.max(least, (form.rows + BLOCKS - 1) / BLOCKS);
        this.blocks = (form.rows + blockRows - 1) / blockRows;
        this.columnTasks = (form.columns + COLUMNS - 1) / COLUMNS;
        this.squaresOfBlocks = new double[Math.multiplyExact(form.matrices, blocks)];
        this.meansOfRows = new double[form.matrices];
    }

    /**
     * A kernel for F32 matrices. Vectors are small, and BF16 moments are rounded at every step of the meaning, which serves
     * both.
     *
     * @param memory lends a run its sums
     */
    static Optional<Kernel> of(Parallel parallel, TensorType p, Primitive.Adafactor prim, NativeScratch memory) {
        return p.dtype() == DType.F32 && prim.isFactored() && p.size() > 0
                ? Optional.of(new AdafactorKernel(parallel, memory, Form.of(p, prim.isStack()), prim))
                : Optional.empty();
    }

    @Override
    public void run(Buffer[] in, Buffer[] out) {
        rate = scalar(in[4]);
        decay = rate * scalar(in[5]);
        rho = scalar(in[6]);
        fresh = scalar(in[7]);
        long sumFloats = squaresOfBlocks.length * form.stride();
        var block = memory.borrow((sumFloats + form.matrices * form.stride()) * 4);
        sums = block.segment().address();
        factors = sums + sumFloats * 4;
        try {
            for (int group = 0; group < form.groups; group++) {
                group(in, out, group);
            }
        } finally {
            memory.giveBack(block);
        }
    }

    private static float scalar(Buffer buffer) {
        return CpuBuffer.segment(buffer).get(JAVA_FLOAT_UNALIGNED, 0);
    }

    private void group(Buffer[] in, Buffer[] out, int group) {
        long elements = form.elements();
        long ofRows = elements / form.columns;
        long ofColumns = elements / form.rows;
        p = address(in[0], group, elements);
        rows = address(in[1], group, ofRows);
        columns = address(in[2], group, ofColumns);
        g = address(in[3], group, elements);
        newP = address(out[0], group, elements);
        newRows = address(out[1], group, ofRows);
        newColumns = address(out[2], group, ofColumns);
        parallel.forEach(squaresOfBlocks.length, firstPass);
        parallel.forEach(form.matrices * columnTasks, columnSums);
        for (int matrix = 0; matrix < form.matrices; matrix++) {
            meansOfRows[matrix] = sum(newRows + (long) matrix * form.rows * 4, form.rows) / form.rows;
        }
        parallel.forEach(squaresOfBlocks.length, secondPass);
        double squares = 0;
        for (double block : squaresOfBlocks) {
            squares += block;
        }
        step = rate / Math.max(1, Math.sqrt(squares / elements) / clipThreshold);
        parallel.forEach(squaresOfBlocks.length, thirdPass);
    }

    /** Where group {@code group} lies in a tensor whose groups have {@code elements} elements. */
    private long address(Buffer buffer, int group, long elements) {
        return LaneLoop.address(CpuBuffer.segment(buffer), form.groups * elements * 4) + group * elements * 4;
    }

    private static double sum(long x, int n) {
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, x + i * 4L);
        }
        return sum;
    }

    private int firstRow(int task) {
        return task % blocks * blockRows;
    }

    private int endRow(int task) {
        return Math.min(form.rows, firstRow(task) + blockRows);
    }

    /** The number of a row of a block's matrix among the rows of all matrices. */
    private long row(int task, int row) {
        return (long) (task / blocks) * form.rows + row;
    }

    private void sumSquares(int task) {
        int n = form.columns;
        long columnSums = sums + task * form.stride() * 4;
        clear(columnSums, form.stride());
        for (int i = firstRow(task); i < endRow(task); i++) {
            long row = row(task, i);
            float mean = addSquares(g + row * n * 4, columnSums, n) / n + eps;
            float old = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, rows + row * 4);
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, newRows + row * 4, old * rho + mean * fresh);
        }
    }

    private static void clear(long x, long n) {
        Lanes.ALL.asSlice(x, n * 4).fill((byte) 0);
    }

    /** Adds the squares of a row to the sums of its columns, and returns their sum. */
    private static float addSquares(long x, long columnSums, int n) {
        var s0 = FloatVector.zero(Lanes.F32);
        var s1 = s0;
        int i = 0;
        for (; i <= n - 2 * Lanes.COUNT; i += 2 * Lanes.COUNT) {
            int j = i + Lanes.COUNT;
            var x0 = Lanes.load(x + i * 4L);
            var x1 = Lanes.load(x + j * 4L);
            s0 = x0.fma(x0, s0);
            s1 = x1.fma(x1, s1);
            Lanes.store(x0.fma(x0, Lanes.load(columnSums + i * 4L)), columnSums + i * 4L);
            Lanes.store(x1.fma(x1, Lanes.load(columnSums + j * 4L)), columnSums + j * 4L);
        }
        float rest = 0;
        for (; i < n; i++) {
            float value = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, x + i * 4L);
            float old = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, columnSums + i * 4L);
            rest += value * value;
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, columnSums + i * 4L, old + value * value);
        }
        return Lanes.sum(s0.add(s1)) + rest;
    }

    /** The new second moments of some columns of a matrix, and their inverse roots. */
    private void averageColumns(int task) {
        int matrix = task / columnTasks;
        int from = task % columnTasks * COLUMNS;
        int n = Math.min(COLUMNS, form.columns - from);
        long blockSums = sums + ((long) matrix * blocks * form.stride() + from) * 4;
        for (int block = 1; block < blocks; block++) {
            add(blockSums + block * form.stride() * 4, blockSums, n);
        }
        long at = ((long) matrix * form.columns + from) * 4;
        average(blockSums, columns + at, newColumns + at, factors + (matrix * form.stride() + from) * 4, n);
    }

    /** y += x, in whole vectors: sums have room for them. */
    private static void add(long x, long y, int n) {
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(y + i * 4L).add(Lanes.load(x + i * 4L)), y + i * 4L);
        }
    }

    private void average(long columnSums, long old, long now, long factor, int n) {
        for (int i = 0; i < n; i++) {
            float mean = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, columnSums + i * 4L) / form.rows + eps;
            float moment = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, old + i * 4L) * rho + mean * fresh;
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, now + i * 4L, moment);
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, factor + i * 4L, (float) (1 / Math.sqrt(moment)));
        }
    }

    /** What the update of a row is multiplied by beside the factors of its columns. */
    private double rowFactor(int task, long row) {
        double moment = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, newRows + row * 4);
        return 1 / Math.sqrt(moment / meansOfRows[task / blocks]);
    }

    private long factors(int task) {
        return factors + task / blocks * form.stride() * 4;
    }

    private void sumUpdate(int index) {
        int task = squaresOfBlocks.length - 1 - index;
        int n = form.columns;
        double squares = 0;
        for (int i = endRow(task) - 1; i >= firstRow(task); i--) {
            long row = row(task, i);
            double factor = rowFactor(task, row);
            squares += factor * factor * squares(g + row * n * 4, factors(task), n);
        }
        squaresOfBlocks[task] = squares;
    }

    /** The sum of (x y)^2. */
    private static float squares(long x, long y, int n) {
        var s0 = FloatVector.zero(Lanes.F32);
        var s1 = s0;
        int i = 0;
        for (; i <= n - 2 * Lanes.COUNT; i += 2 * Lanes.COUNT) {
            int j = i + Lanes.COUNT;
            var u0 = Lanes.load(x + i * 4L).mul(Lanes.load(y + i * 4L));
            var u1 = Lanes.load(x + j * 4L).mul(Lanes.load(y + j * 4L));
            s0 = u0.fma(u0, s0);
            s1 = u1.fma(u1, s1);
        }
        float rest = 0;
        for (; i < n; i++) {
            float u = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, x + i * 4L) * Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, y + i * 4L);
            rest += u * u;
        }
        return Lanes.sum(s0.add(s1)) + rest;
    }

    private void update(int task) {
        int n = form.columns;
        for (int i = firstRow(task); i < endRow(task); i++) {
            long row = row(task, i);
            long at = row * n * 4;
            update(p + at, g + at, factors(task), newP + at, n, decay, (float) (rowFactor(task, row) * step));
        }
    }

    private static void update(long p, long g, long factors, long newP, int n, float decay, float step) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var old = Lanes.load(p + i * 4L);
            var change =
                    Lanes.load(g + i * 4L).mul(Lanes.load(factors + i * 4L)).mul(step);
            Lanes.store(old.sub(old.mul(decay)).sub(change), newP + i * 4L);
        }
        for (; i < n; i++) {
            float old = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, p + i * 4L);
            float factor = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, factors + i * 4L);
            float change = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, g + i * 4L) * factor * step;
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, newP + i * 4L, old - old * decay - change);
        }
    }
}
