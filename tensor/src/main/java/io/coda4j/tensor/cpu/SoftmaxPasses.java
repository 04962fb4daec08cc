package io.coda4j.tensor.cpu;

import io.coda4j.tensor.cpu.x86.LoopProgram.Access;
import io.coda4j.tensor.cpu.x86.LoopProgram.Builder;
import io.coda4j.tensor.cpu.x86.VectorLoop;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import java.util.Optional;

/**
 * What softmax and cross-entropy do with a row of {@code n} F32 logits. Rows are addresses, which callers check; a result may lie
 * where its operand does.
 */
sealed interface SoftmaxPasses {
    /** The passes in machine code if there is some, else those of the Vector API, of the same bits. */
    static SoftmaxPasses of(Optional<VectorLoops> loops) {
        return loops.<SoftmaxPasses>map(Machine::new).orElseGet(Vectors::new);
    }

    /** The greatest element; NaN is passed over, because it makes the sum of exponentials one. */
    float greatest(long x, int n);

    /** The sum of exp(x - max). */
    double sum(long x, int n, float max);

    /** y = exp(x - max), and the sum of it. */
    double exponentials(long x, long y, int n, float max);

    /** y = exp(x - less) factor. */
    void exponentials(long x, long y, int n, float less, float factor);

    /** y times {@code factor}, in place. */
    void multiply(long y, int n, float factor);

    /** {@link SoftmaxRows}. */
    record Vectors() implements SoftmaxPasses {
        @Override
        public float greatest(long x, int n) {
            return SoftmaxRows.greatest(x, n);
        }

        @Override
        public double sum(long x, int n, float max) {
            double sum = 0;
            for (int from = 0; from < n; from += SoftmaxRows.PIECE) {
                sum += SoftmaxRows.partialSum(x + from * 4L, Math.min(SoftmaxRows.PIECE, n - from), max);
            }
            return sum;
        }

        @Override
        public double exponentials(long x, long y, int n, float max) {
            double sum = 0;
            for (int from = 0; from < n; from += SoftmaxRows.PIECE) {
                int piece = Math.min(SoftmaxRows.PIECE, n - from);
                sum += SoftmaxRows.partialExponentials(x + from * 4L, y + from * 4L, piece, max);
            }
            return sum;
        }

        @Override
        public void exponentials(long x, long y, int n, float less, float factor) {
            SoftmaxRows.exponentials(x, y, n, less, factor);
        }

        @Override
        public void multiply(long y, int n, float factor) {
            SoftmaxRows.multiply(y, n, factor);
        }
    }

    /** Machine code for whole vectors, {@link SoftmaxRows} for the elements behind them. */
    final class Machine implements SoftmaxPasses {
        private final VectorLoop greatest;
        private final VectorLoop sum;
        private final VectorLoop partialExponentials;
        private final VectorLoop exponentials;
        private final VectorLoop multiply;

        Machine(VectorLoops loops) {
            greatest = greatest(loops);
            sum = sum(loops);
            partialExponentials = partialExponentials(loops);
            exponentials = exponentials(loops);
            multiply = multiply(loops);
        }

        private static VectorLoop greatest(VectorLoops loops) {
            var b = new Builder();
            b.greatest(b.memory(Access.COLUMN), b.load(b.memory(Access.ROWS)));
            return loops.required(b.program(2));
        }

        private static VectorLoop sum(VectorLoops loops) {
            var b = new Builder();
            int sum = b.memory(Access.COLUMN);
            var x = b.load(b.memory(Access.ROWS));
            b.sum(sum, LoopMath.exp(b, b.subtract(x, b.broadcast(b.memory(Access.ONE)))));
            return loops.required(b.program(1));
        }

        private static VectorLoop partialExponentials(VectorLoops loops) {
            var b = new Builder();
            int sum = b.memory(Access.COLUMN);
            var x = b.load(b.memory(Access.ROWS));
            var e = LoopMath.exp(b, b.subtract(x, b.broadcast(b.memory(Access.ONE))));
            b.sum(sum, e);
            b.store(b.memory(Access.ROWS), e);
            return loops.required(b.program(1));
        }

        private static VectorLoop exponentials(VectorLoops loops) {
            var b = new Builder();
            var x = b.load(b.memory(Access.ROWS));
            var e = LoopMath.exp(b, b.subtract(x, b.broadcast(b.memory(Access.ONE))));
            var y = b.multiply(e, b.broadcast(b.memory(Access.ONE)));
            b.store(b.memory(Access.ROWS), y);
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
                long at = x + from * 4L;
                int piece = Math.min(SoftmaxRows.PIECE, n - from);
                int whole = Lanes.F32.loopBound(piece);
                float some = call().result(0).memory(1, at).run(greatest, whole).value(0);
                max = Math.max(max, Math.max(some, SoftmaxRows.greatest(at + whole * 4L, piece - whole)));
            }
            return max;
        }

        @Override
        public double sum(long x, int n, float max) {
            double total = 0;
            for (int from = 0; from < n; from += SoftmaxRows.PIECE) {
                long at = x + from * 4L;
                int piece = Math.min(SoftmaxRows.PIECE, n - from);
                int whole = Lanes.F32.loopBound(piece);
                float some = call().result(0)
                        .memory(1, at)
                        .single(2, max)
                        .run(sum, whole)
                        .value(0);
                total += some + SoftmaxRows.partialSum(at + whole * 4L, piece - whole, max);
            }
            return total;
        }

        @Override
        public double exponentials(long x, long y, int n, float max) {
            double total = 0;
            for (int from = 0; from < n; from += SoftmaxRows.PIECE) {
                int piece = Math.min(SoftmaxRows.PIECE, n - from);
                int whole = Lanes.F32.loopBound(piece);
                float some = call().result(0)
                        .memory(1, x + from * 4L)
                        .single(2, max)
                        .memory(3, y + from * 4L)
                        .run(partialExponentials, whole)
                        .value(0);
                long rest = (from + whole) * 4L;
                total += some + SoftmaxRows.partialExponentials(x + rest, y + rest, piece - whole, max);
            }
            return total;
        }

        @Override
        public void exponentials(long x, long y, int n, float less, float factor) {
            for (int from = 0; from < n; from += SoftmaxRows.PIECE) {
                int piece = Math.min(SoftmaxRows.PIECE, n - from);
                int whole = Lanes.F32.loopBound(piece);
                call().memory(0, x + from * 4L)
                        .single(1, less)
                        .single(2, factor)
                        .memory(3, y + from * 4L)
                        .run(exponentials, whole);
                long rest = (from + whole) * 4L;
                SoftmaxRows.exponentials(x + rest, y + rest, piece - whole, less, factor);
            }
        }

        @Override
        public void multiply(long y, int n, float factor) {
            for (int from = 0; from < n; from += SoftmaxRows.PIECE) {
                int piece = Math.min(SoftmaxRows.PIECE, n - from);
                int whole = Lanes.F32.loopBound(piece);
                call().memory(0, y + from * 4L).single(1, factor).run(multiply, whole);
                SoftmaxRows.multiply(y + (from + whole) * 4L, piece - whole, factor);
            }
        }

        private static LoopCall call() {
            return Scratch.ofThread().call;
        }
    }
}
