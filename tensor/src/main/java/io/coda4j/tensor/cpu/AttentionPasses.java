package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.LANES;
import static io.coda4j.tensor.cpu.MicroKernel.ROW;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.coda4j.tensor.cpu.x86.LoopProgram.Access;
import io.coda4j.tensor.cpu.x86.LoopProgram.Builder;
import io.coda4j.tensor.cpu.x86.VectorLoop;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import java.util.Objects;
import java.util.Optional;

/**
 * What attention of F32 or BF16 does with rows of scores, which are F32 at distance {@link MicroKernel#ROW}, from row {@code first} of
 * their array on, and have room for whole vectors. Columns are addresses of a float for each row.
 */
sealed interface AttentionPasses {
    /** The passes in machine code if there is some, else those of the Vector API, of the same bits. */
    static AttentionPasses of(Optional<VectorLoops> loops, boolean narrow) {
        return loops.<AttentionPasses>map(made -> new Machine(made, narrow)).orElseGet(() -> new Vectors(narrow));
    }

    /** The greatest of {@code count} scores of each row; NaN is passed over. */
    void greatest(HeapScratch.Block scores, int first, int rows, int count, long to, float[] lanes);

    /** Replaces scores by {@code exp(score - base)}, and sums them. */
    void exponentials(HeapScratch.Block scores, int first, int rows, int count, long bases, long sums, float[] lanes);

    /** Makes probabilities of scores, and of slopes those of the scores, see {@link AttentionRows#gradients}. */
    void gradients(
            HeapScratch.Block scores,
            HeapScratch.Block slopes,
            int rows,
            int count,
            long bases,
            long deltas,
            float scale);

    /** Sums of {@code n} products of elements of two rows, {@code stride} bytes from row to row. */
    void dots(long a, long b, long stride, int rows, int n, long to, float[] lanes);

    /** Writes {@code n} elements of a row of F32 to one of BF16. */
    void round(long row, int n, long to);

    /** {@link AttentionRows}. */
    record Vectors(boolean narrow) implements AttentionPasses {
        @Override
        public void greatest(HeapScratch.Block scores, int first, int rows, int count, long to, float[] lanes) {
            for (int r = 0; r < rows; r++) {
                set(to, r, AttentionRows.max(scores.array(), (first + r) * ROW, count, lanes));
            }
        }

        @Override
        public void exponentials(
                HeapScratch.Block scores, int first, int rows, int count, long bases, long sums, float[] lanes) {
            for (int r = 0; r < rows; r++) {
                float base = at(bases, r);
                set(sums, r, AttentionRows.exponentials(scores.array(), (first + r) * ROW, count, base, lanes));
            }
        }

        @Override
        public void gradients(
                HeapScratch.Block scores,
                HeapScratch.Block slopes,
                int rows,
                int count,
                long bases,
                long deltas,
                float scale) {
            for (int r = 0; r < rows; r++) {
                AttentionRows.gradients(
                        scores.array(), slopes.array(), r * ROW, count, at(bases, r), at(deltas, r), scale);
            }
        }

        @Override
        public void dots(long a, long b, long stride, int rows, int n, long to, float[] lanes) {
            for (int r = 0; r < rows; r++) {
                long at = r * stride;
                float sum = narrow
                        ? AttentionRows.dotBf16(a + at, b + at, n, lanes)
                        : AttentionRows.dot(a + at, b + at, n, lanes);
                set(to, r, sum);
            }
        }

        @Override
        public void round(long row, int n, long to) {
            AttentionRows.round(row, n, to);
        }
    }

    /** Machine code; what is not in whole vectors is left to {@link Vectors}. */
    final class Machine implements AttentionPasses {
        private static final long STRIDE = ROW * 4L;

        private final boolean narrow;
        private final Vectors vectors;
        private final VectorLoop greatest;
        private final VectorLoop exponentials;
        private final VectorLoop gradients;
        private final VectorLoop dots;
        private final VectorLoop round;

        Machine(VectorLoops loops, boolean narrow) {
            this.narrow = narrow;
            vectors = new Vectors(narrow);
            greatest = greatest(loops);
            exponentials = exponentials(loops);
            gradients = gradients(loops);
            dots = dots(loops, narrow);
            round = RowLoops.round(loops);
        }

        private static VectorLoop greatest(VectorLoops loops) {
            var b = new Builder();
            var score = b.load(b.memory(Access.ROWS));
            b.greatest(b.memory(Access.COLUMN), score);
            return loops.required(b.programInArrays(1));
        }

        private static VectorLoop exponentials(VectorLoops loops) {
            var b = new Builder();
            int scores = b.memory(Access.ROWS);
            var base = b.broadcast(b.memory(Access.COLUMN));
            var e = LoopMath.exp(b, b.subtract(b.load(scores), base));
            b.store(scores, e);
            b.sum(b.memory(Access.COLUMN), e);
            return loops.required(b.programInArrays(1));
        }

        private static VectorLoop gradients(VectorLoops loops) {
            var b = new Builder();
            int scores = b.memory(Access.ROWS);
            int slopes = b.memory(Access.ROWS);
            var base = b.broadcast(b.memory(Access.COLUMN));
            var delta = b.broadcast(b.memory(Access.COLUMN));
            var scale = b.broadcast(b.memory(Access.ONE));
            var probability = LoopMath.exp(b, b.subtract(b.load(scores), base));
            var slope = b.multiply(b.subtract(b.load(slopes), delta), probability);
            b.store(scores, probability);
            b.store(slopes, b.multiply(slope, scale));
            return loops.required(b.programInArrays(2));
        }

        private static VectorLoop dots(VectorLoops loops, boolean narrow) {
            var b = new Builder();
            var x = b.load(b.memory(Access.rows(narrow)));
            var y = b.load(b.memory(Access.rows(narrow)));
            b.sumOfProducts(b.memory(Access.COLUMN), x, y);
            return loops.required(b.program(1));
        }

        private static LoopCall call() {
            return Scratch.ofThread().call;
        }

        @Override
        public void greatest(HeapScratch.Block scores, int first, int rows, int count, long to, float[] lanes) {
            var array = scores.segment();
            int n = whole(scores, first, rows, count);
            call().memory(0, first * STRIDE).memory(1, to).run(greatest, array, array, rows, n, ROW);
        }

        @Override
        public void exponentials(
                HeapScratch.Block scores, int first, int rows, int count, long bases, long sums, float[] lanes) {
            var array = scores.segment();
            int n = whole(scores, first, rows, count);
            call().memory(0, first * STRIDE)
                    .memory(1, bases)
                    .memory(2, sums)
                    .run(exponentials, array, array, rows, n, ROW);
        }

        @Override
        public void gradients(
                HeapScratch.Block scores,
                HeapScratch.Block slopes,
                int rows,
                int count,
                long bases,
                long deltas,
                float scale) {
            int n = Math.min(whole(scores, 0, rows, count), whole(slopes, 0, rows, count));
            call().memory(0, 0)
                    .memory(1, 0)
                    .memory(2, bases)
                    .memory(3, deltas)
                    .single(4, scale)
                    .run(gradients, scores.segment(), slopes.segment(), rows, n, ROW);
        }

        /** {@code count} in whole vectors, of which the array must have as many rows. */
        private static int whole(HeapScratch.Block scores, int first, int rows, int count) {
            int n = MatmulBlocks.roundUp(count, LANES);
            Objects.checkFromIndexSize(first * ROW, Math.max(0, rows - 1) * ROW + n, scores.array().length);
            return n;
        }

        @Override
        public void dots(long a, long b, long stride, int rows, int n, long to, float[] lanes) {
            if (n % LANES == 0) {
                call().memory(0, a)
                        .memory(1, b)
                        .memory(2, to)
                        .run(dots, rows, n, stride / (narrow ? Short.BYTES : Float.BYTES));
            } else {
                vectors.dots(a, b, stride, rows, n, to, lanes);
            }
        }

        @Override
        public void round(long row, int n, long to) {
            int whole = Lanes.F32.loopBound(n);
            call().memory(0, row).memory(1, to).run(round, whole);
            if (whole < n) {
                vectors.round(row + whole * 4L, n - whole, to + whole * 2L);
            }
        }
    }

    private static float at(long column, int row) {
        return Lanes.ALL.get(JAVA_FLOAT, column + row * 4L);
    }

    private static void set(long column, int row, float value) {
        Lanes.ALL.set(JAVA_FLOAT, column + row * 4L, value);
    }
}
