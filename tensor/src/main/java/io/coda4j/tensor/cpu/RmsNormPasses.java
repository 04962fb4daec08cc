package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.coda4j.tensor.cpu.x86.LoopProgram.Access;
import io.coda4j.tensor.cpu.x86.LoopProgram.Builder;
import io.coda4j.tensor.cpu.x86.VectorLoop;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import java.util.Optional;

/**
 * What RMSNorm and its gradient do with some rows of n elements of F32 or of BF16. Rows are addresses, which callers check; so are r
 * and c, a float for each row, and dw, a float for each element of a row.
 */
sealed interface RmsNormPasses {
    /** The passes in machine code if there is some, else those of the Vector API, of the same bits. */
    static RmsNormPasses of(Optional<VectorLoops> loops, boolean narrow) {
        return loops.<RmsNormPasses>map(made -> new Machine(made, narrow)).orElseGet(() -> new Vectors(narrow));
    }

    /** Those that serve rows of {@code n} elements. */
    RmsNormPasses forRows(int n);

    /** r = 1/sqrt(mean(x^2) + eps). */
    void scales(long x, int rows, int n, double eps, long r);

    /** y = r x w. */
    void normalize(long x, long w, long y, int rows, int n, long r);

    /** r, and c = r^3 mean(g w x). */
    void statistics(long x, long w, long g, int rows, int n, double eps, long r, long c);

    /** dx = r g w - c x, and dw += g r x. */
    void gradients(long x, long w, long g, long dx, int rows, int n, long r, long c, long dw);

    /** y += x, of F32. */
    void addRows(long x, int rows, int n, long y);

    /** {@link RmsNormRows}. */
    record Vectors(boolean narrow) implements RmsNormPasses {
        @Override
        public RmsNormPasses forRows(int n) {
            return this;
        }

        @Override
        public void scales(long x, int rows, int n, double eps, long r) {
            if (narrow) {
                RmsNormRows.scalesBf16(x, rows, n, eps, r);
            } else {
                RmsNormRows.scales(x, rows, n, eps, r);
            }
        }

        @Override
        public void normalize(long x, long w, long y, int rows, int n, long r) {
            if (narrow) {
                RmsNormRows.normalizeBf16(x, w, y, rows, n, r);
            } else {
                RmsNormRows.normalize(x, w, y, rows, n, r);
            }
        }

        @Override
        public void statistics(long x, long w, long g, int rows, int n, double eps, long r, long c) {
            if (narrow) {
                RmsNormRows.statisticsBf16(x, w, g, rows, n, eps, r, c);
            } else {
                RmsNormRows.statistics(x, w, g, rows, n, eps, r, c);
            }
        }

        @Override
        public void gradients(long x, long w, long g, long dx, int rows, int n, long r, long c, long dw) {
            if (narrow) {
                RmsNormRows.gradientsBf16(x, w, g, dx, rows, n, r, c, dw);
            } else {
                RmsNormRows.gradients(x, w, g, dx, rows, n, r, c, dw);
            }
        }

        @Override
        public void addRows(long x, int rows, int n, long y) {
            RmsNormRows.addRows(x, rows, n, y);
        }
    }

    /** Machine code, for rows of whole vectors that one call may take. */
    final class Machine implements RmsNormPasses {
        private final Vectors vectors;
        private final VectorLoop scales;
        private final VectorLoop normalize;
        private final VectorLoop statistics;
        private final VectorLoop gradients;
        private final VectorLoop addRows;

        Machine(VectorLoops loops, boolean narrow) {
            vectors = new Vectors(narrow);
            scales = scales(loops, narrow);
            normalize = normalize(loops, narrow);
            statistics = statistics(loops, narrow);
            gradients = gradients(loops, narrow);
            addRows = RowLoops.add(loops, false);
        }

        private static VectorLoop scales(VectorLoops loops, boolean narrow) {
            var b = new Builder();
            var x = b.load(b.memory(Access.rows(narrow)));
            b.sumOfProducts(b.memory(Access.COLUMN), x, x);
            // As many partial sums as the twin has.
            return loops.required(b.program(narrow ? 2 : 4));
        }

        private static VectorLoop normalize(VectorLoops loops, boolean narrow) {
            var b = new Builder();
            var x = b.load(b.memory(Access.rows(narrow)));
            var w = b.load(b.memory(Access.row(narrow)));
            var r = b.broadcast(b.memory(Access.COLUMN));
            var unit = b.multiply(x, r);
            b.store(b.memory(Access.rows(narrow)), b.multiply(narrow ? b.toBf16(unit) : unit, w));
            return loops.required(b.program());
        }

        private static VectorLoop statistics(VectorLoops loops, boolean narrow) {
            var b = new Builder();
            var x = b.load(b.memory(Access.rows(narrow)));
            var w = b.load(b.memory(Access.row(narrow)));
            var g = b.load(b.memory(Access.rows(narrow)));
            b.sumOfProducts(b.memory(Access.COLUMN), x, x);
            b.sumOfProducts(b.memory(Access.COLUMN), b.multiply(g, w), x);
            return loops.required(b.program(1));
        }

        private static VectorLoop gradients(VectorLoops loops, boolean narrow) {
            var b = new Builder();
            var x = b.load(b.memory(Access.rows(narrow)));
            var w = b.load(b.memory(Access.row(narrow)));
            var g = b.load(b.memory(Access.rows(narrow)));
            var r = b.broadcast(b.memory(Access.COLUMN));
            var c = b.broadcast(b.memory(Access.COLUMN));
            int sums = b.memory(Access.ROW);
            var gr = b.multiply(g, r);
            var dx = b.subtract(b.multiply(gr, w), b.multiply(x, c));
            b.store(sums, b.multiplyAdd(gr, x, b.load(sums)));
            b.store(b.memory(Access.rows(narrow)), dx);
            return loops.required(b.program());
        }

        private static LoopCall call() {
            return Scratch.ofThread().call;
        }

        @Override
        public RmsNormPasses forRows(int n) {
            return n % Lanes.COUNT == 0 && n <= LoopCall.MAX_ELEMENTS ? this : vectors;
        }

        @Override
        public void scales(long x, int rows, int n, double eps, long r) {
            call().memory(0, x).memory(1, r).run(scales, rows, n);
            inverse(rows, n, eps, r);
        }

        /** Makes r of the sums of squares. */
        private static void inverse(int rows, int n, double eps, long r) {
            for (int row = 0; row < rows; row++) {
                float squares = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, r + row * 4L);
                Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, r + row * 4L, RmsNormRow.inverseRms(squares, n, eps));
            }
        }

        @Override
        public void normalize(long x, long w, long y, int rows, int n, long r) {
            call().memory(0, x).memory(1, w).memory(2, r).memory(3, y).run(normalize, rows, n);
        }

        @Override
        public void statistics(long x, long w, long g, int rows, int n, double eps, long r, long c) {
            call().memory(0, x)
                    .memory(1, w)
                    .memory(2, g)
                    .memory(3, r)
                    .memory(4, c)
                    .run(statistics, rows, n);
            inverse(rows, n, eps, r);
            for (int row = 0; row < rows; row++) {
                float scale = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, r + row * 4L);
                float projection = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, c + row * 4L);
                Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, c + row * 4L, RmsNormRow.share(scale, projection, n));
            }
        }

        @Override
        public void gradients(long x, long w, long g, long dx, int rows, int n, long r, long c, long dw) {
            call().memory(0, x)
                    .memory(1, w)
                    .memory(2, g)
                    .memory(3, r)
                    .memory(4, c)
                    .memory(5, dw)
                    .memory(6, dx)
                    .run(gradients, rows, n);
        }

        @Override
        public void addRows(long x, int rows, int n, long y) {
            int together = Math.max(1, LoopCall.MAX_ELEMENTS / Math.max(1, n));
            for (int row = 0; row < rows; row += together) {
                call().memory(0, x + row * 4L * n).memory(1, y).run(addRows, Math.min(together, rows - row), n);
            }
        }
    }
}
