package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.coda4j.tensor.cpu.x86.LoopProgram.Access;
import io.coda4j.tensor.cpu.x86.LoopProgram.Builder;
import io.coda4j.tensor.cpu.x86.VectorLoop;
import io.coda4j.tensor.cpu.x86.VectorLoops;

/** The passes of {@link RmsNormRows} over rows of F32 or of BF16 in machine code, of the same bits; rows are whole vectors. */
final class RmsNormLoops {
    /** Elements of one call, about: no thread reaches a safepoint while it runs. */
    private static final int CALL = 1 << 16;

    private final VectorLoop scales;
    private final VectorLoop normalize;
    private final VectorLoop statistics;
    private final VectorLoop gradients;
    private final VectorLoop addRows;

    RmsNormLoops(VectorLoops loops, boolean narrow) {
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

    /** As {@link RmsNormRows#scales}. */
    void scales(long x, int rows, int n, double eps, long r) {
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

    /** As {@link RmsNormRows#normalize}. */
    void normalize(long x, long w, long y, int rows, int n, long r) {
        call().memory(0, x).memory(1, w).memory(2, r).memory(3, y).run(normalize, rows, n);
    }

    /** As {@link RmsNormRows#statistics}. */
    void statistics(long x, long w, long g, int rows, int n, double eps, long r, long c) {
        call().memory(0, x).memory(1, w).memory(2, g).memory(3, r).memory(4, c).run(statistics, rows, n);
        inverse(rows, n, eps, r);
        for (int row = 0; row < rows; row++) {
            float scale = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, r + row * 4L);
            float projection = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, c + row * 4L);
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, c + row * 4L, RmsNormRow.share(scale, projection, n));
        }
    }

    /** As {@link RmsNormRows#gradients}. */
    void gradients(long x, long w, long g, long dx, int rows, int n, long r, long c, long dw) {
        call().memory(0, x)
                .memory(1, w)
                .memory(2, g)
                .memory(3, r)
                .memory(4, c)
                .memory(5, dw)
                .memory(6, dx)
                .run(gradients, rows, n);
    }

    /** As {@link RmsNormRows#addRows}. */
    void addRows(long x, int rows, int n, long y) {
        int together = Math.max(1, CALL / Math.max(1, n));
        for (int row = 0; row < rows; row += together) {
            call().memory(0, x + row * 4L * n).memory(1, y).run(addRows, Math.min(together, rows - row), n);
        }
    }
}
