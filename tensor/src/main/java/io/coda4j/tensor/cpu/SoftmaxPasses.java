package io.coda4j.tensor.cpu;

import io.coda4j.tensor.cpu.x86.LoopProgram.Access;
import io.coda4j.tensor.cpu.x86.LoopProgram.Builder;
import io.coda4j.tensor.cpu.x86.LoopProgram.Value;
import io.coda4j.tensor.cpu.x86.VectorLoop;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import java.util.Optional;

/**
 * What softmax and cross-entropy do with a row of {@code n} logits of F32 or of BF16. Rows are addresses, which callers check; a
 * result may lie where its operand does.
 */
sealed interface SoftmaxPasses {
    /** The passes in machine code if there is some, else those of the Vector API, of the same bits. */
    static SoftmaxPasses of(Optional<VectorLoops> loops, boolean narrow) {
        return loops.<SoftmaxPasses>map(made -> new Machine(made, narrow)).orElseGet(() -> new Vectors(narrow));
    }

    /** The greatest element; NaN is passed over, because it makes the sum of exponentials one. */
    float greatest(long x, int n);

    /** The sum of exp(x - max). */
    double sum(long x, int n, float max);

    /** y = exp(x - less) factor. */
    void exponentials(long x, long y, int n, float less, float factor);

    /** y = exp(x - max), and the sum of it: of F32, because BF16 would be rounded twice. */
    double exponentials(long x, long y, int n, float max);

    /** y times {@code factor}, in place: of F32, likewise. */
    void multiply(long y, int n, float factor);

    /** Elements of piece number {@code from / PIECE} of {@code n}. */
    private static int piece(int from, int n) {
        return Math.min(SoftmaxRows.PIECE, n - from);
    }

    /** {@link SoftmaxRows}. */
    record Vectors(boolean narrow) implements SoftmaxPasses {
        @Override
        public float greatest(long x, int n) {
            return narrow ? SoftmaxRows.greatestBf16(x, n) : SoftmaxRows.greatest(x, n);
        }

        @Override
        public double sum(long x, int n, float max) {
            double sum = 0;
            for (int from = 0; from < n; from += SoftmaxRows.PIECE) {
                sum += narrow
                        ? SoftmaxRows.partialSumBf16(x + from * 2L, piece(from, n), max)
                        : SoftmaxRows.partialSum(x + from * 4L, piece(from, n), max);
            }
            return sum;
        }

        @Override
        public void exponentials(long x, long y, int n, float less, float factor) {
            if (narrow) {
                SoftmaxRows.exponentialsBf16(x, y, n, less, factor);
            } else {
                SoftmaxRows.exponentials(x, y, n, less, factor);
            }
        }

        @Override
        public double exponentials(long x, long y, int n, float max) {
            double sum = 0;
            for (int from = 0; from < n; from += SoftmaxRows.PIECE) {
                sum += SoftmaxRows.partialExponentials(x + from * 4L, y + from * 4L, piece(from, n), max);
            }
            return sum;
        }

        @Override
        public void multiply(long y, int n, float factor) {
            SoftmaxRows.multiply(y, n, factor);
        }
    }

    /** Machine code for whole vectors, {@link Vectors} for the elements behind them. */
    final class Machine implements SoftmaxPasses {
        private final int width;
        private final Vectors vectors;
        private final VectorLoop greatest;
        private final VectorLoop sum;
        private final VectorLoop exponentials;
        private final VectorLoop partialExponentials;
        private final VectorLoop multiply;

        Machine(VectorLoops loops, boolean narrow) {
            width = narrow ? Short.BYTES : Float.BYTES;
            vectors = new Vectors(narrow);
            greatest = greatest(loops, narrow);
            sum = sum(loops, narrow);
            exponentials = exponentials(loops, narrow);
            partialExponentials = partialExponentials(loops);
            multiply = multiply(loops);
        }

        private static VectorLoop greatest(VectorLoops loops, boolean narrow) {
            var b = new Builder();
            b.greatest(b.memory(Access.COLUMN), b.load(b.memory(Access.rows(narrow))));
            return loops.required(b.program(2));
        }

        /** exp(x - a float). */
        private static Value exponential(Builder b, Access x) {
            return LoopMath.exp(b, b.subtract(b.load(b.memory(x)), b.broadcast(b.memory(Access.ONE))));
        }

        private static VectorLoop sum(VectorLoops loops, boolean narrow) {
            var b = new Builder();
            int sum = b.memory(Access.COLUMN);
            b.sum(sum, exponential(b, Access.rows(narrow)));
            return loops.required(b.program(1));
        }

        private static VectorLoop partialExponentials(VectorLoops loops) {
            var b = new Builder();
            int sum = b.memory(Access.COLUMN);
            var e = exponential(b, Access.ROWS);
            b.sum(sum, e);
            b.store(b.memory(Access.ROWS), e);
            return loops.required(b.program(1));
        }

        private static VectorLoop exponentials(VectorLoops loops, boolean narrow) {
            var b = new Builder();
            var e = exponential(b, Access.rows(narrow));
            var y = b.multiply(e, b.broadcast(b.memory(Access.ONE)));
            b.store(b.memory(Access.rows(narrow)), y);
            return loops.required(b.program());
        }

        private static VectorLoop multiply(VectorLoops loops) {
            var b = new Builder();
            int y = b.memory(Access.ROWS);
            b.store(y, b.multiply(b.load(y), b.broadcast(b.memory(Access.ONE))));
            return loops.required(b.program());
        }

        @Override
        public float greatest(long x, int n) {
            float max = Float.NEGATIVE_INFINITY;
            for (int from = 0; from < n; from += SoftmaxRows.PIECE) {
                long at = x + (long) from * width;
                int piece = piece(from, n);
                int whole = Lanes.F32.loopBound(piece);
                float some = call().result(0).memory(1, at).run(greatest, whole).value(0);
                float rest = vectors.greatest(at + (long) whole * width, piece - whole);
                max = Math.max(max, Math.max(some, rest));
            }
            return max;
        }

        @Override
        public double sum(long x, int n, float max) {
            double total = 0;
            for (int from = 0; from < n; from += SoftmaxRows.PIECE) {
                long at = x + (long) from * width;
                int piece = piece(from, n);
                int whole = Lanes.F32.loopBound(piece);
                float some = call().result(0)
                        .memory(1, at)
                        .single(2, max)
                        .run(sum, whole)
                        .value(0);
                total += some + (float) vectors.sum(at + (long) whole * width, piece - whole, max);
            }
            return total;
        }

        @Override
        public void exponentials(long x, long y, int n, float less, float factor) {
            for (int from = 0; from < n; from += SoftmaxRows.PIECE) {
                long at = (long) from * width;
                int piece = piece(from, n);
                int whole = Lanes.F32.loopBound(piece);
                call().memory(0, x + at)
                        .single(1, less)
                        .single(2, factor)
                        .memory(3, y + at)
                        .run(exponentials, whole);
                long rest = at + (long) whole * width;
                vectors.exponentials(x + rest, y + rest, piece - whole, less, factor);
            }
        }

        @Override
        public double exponentials(long x, long y, int n, float max) {
            double total = 0;
            for (int from = 0; from < n; from += SoftmaxRows.PIECE) {
                int piece = piece(from, n);
                int whole = Lanes.F32.loopBound(piece);
                float some = call().result(0)
                        .memory(1, x + from * 4L)
                        .single(2, max)
                        .memory(3, y + from * 4L)
                        .run(partialExponentials, whole)
                        .value(0);
                long rest = (from + whole) * 4L;
                total += some + (float) vectors.exponentials(x + rest, y + rest, piece - whole, max);
            }
            return total;
        }

        @Override
        public void multiply(long y, int n, float factor) {
            for (int from = 0; from < n; from += SoftmaxRows.PIECE) {
                int piece = piece(from, n);
                int whole = Lanes.F32.loopBound(piece);
                call().memory(0, y + from * 4L).single(1, factor).run(multiply, whole);
                vectors.multiply(y + (from + whole) * 4L, piece - whole, factor);
            }
        }

        private static LoopCall call() {
            return Scratch.ofThread().call;
        }
    }
}
