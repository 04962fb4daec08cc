package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import jdk.incubator.vector.FloatVector;

/**
 * The passes of RMSNorm and its gradient over some rows of n elements, which are addresses, see {@link Lanes#ALL}; so are r and c, a
 * float for each row, and dw.
 *
 * <p>Each is compiled by itself, see {@code java.args}: C2 counts the nodes of all that it inlines into one method, and what it meets
 * beyond 18,000 becomes a call that takes its vector on the heap.
 */
final class RmsNormRows {
    private RmsNormRows() {}

    private static float at(long column, int row) {
        return Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, column + row * 4L);
    }

    private static void set(long column, int row, float value) {
        Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, column + row * 4L, value);
    }

    /** r of {@code rows} rows. */
    static void scales(long x, int rows, int n, double eps, long r) {
        for (int row = 0; row < rows; row++) {
            set(r, row, RmsNormRow.inverseRms(RmsNormRow.squares(x + row * 4L * n, n), n, eps));
        }
    }

    /** y = r x w of {@code rows} rows. */
    static void normalize(long x, long w, long y, int rows, int n, long r) {
        for (int row = 0; row < rows; row++) {
            long from = row * 4L * n;
            RmsNormRow.scale(x + from, w, y + from, n, at(r, row));
        }
    }

    /** r and r^3 mean(g w x) of {@code rows} rows. */
    static void statistics(long x, long w, long g, int rows, int n, double eps, long r, long c) {
        for (int row = 0; row < rows; row++) {
            long from = row * 4L * n;
            var squares = FloatVector.zero(Lanes.F32);
            var products = squares;
            int i = 0;
            for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
                var value = Lanes.load(x + from + i * 4L);
                var gw = Lanes.load(g + from + i * 4L).mul(Lanes.load(w + i * 4L));
                squares = value.fma(value, squares);
                products = gw.fma(value, products);
            }
            if (i < n) {
                var tail = Lanes.tail(i, n);
                var value = Lanes.load(Lanes.ALL, x + from + i * 4L, tail);
                var gw = Lanes.load(Lanes.ALL, g + from + i * 4L, tail).mul(Lanes.load(Lanes.ALL, w + i * 4L, tail));
                squares = value.fma(value, squares);
                products = gw.fma(value, products);
            }
            float scale = RmsNormRow.inverseRms(Lanes.sum(squares), n, eps);
            set(r, row, scale);
            set(c, row, RmsNormRow.share(scale, Lanes.sum(products), n));
        }
    }

    /** dx of {@code rows} rows, and what they add to dw. */
    static void gradients(long x, long w, long g, long dx, int rows, int n, long r, long c, long dw) {
        for (int row = 0; row < rows; row++) {
            long from = row * 4L * n;
            RmsNormRow.spread(x + from, w, g + from, dx + from, n, at(r, row), at(c, row), dw);
        }
    }

    static void scalesBf16(long x, int rows, int n, double eps, long r) {
        for (int row = 0; row < rows; row++) {
            set(r, row, RmsNormRow.inverseRms(RmsNormRow.squaresBf16(x + row * 2L * n, n), n, eps));
        }
    }

    static void normalizeBf16(long x, long w, long y, int rows, int n, long r) {
        for (int row = 0; row < rows; row++) {
            long from = row * 2L * n;
            RmsNormRow.scaleBf16(x + from, w, y + from, n, at(r, row));
        }
    }

    static void statisticsBf16(long x, long w, long g, int rows, int n, double eps, long r, long c) {
        for (int row = 0; row < rows; row++) {
            long from = row * 2L * n;
            var squares = FloatVector.zero(Lanes.F32);
            var products = squares;
            int i = 0;
            for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
                var value = Lanes.loadBf16(Lanes.ALL, x + from + i * 2L);
                var gw = Lanes.loadBf16(Lanes.ALL, g + from + i * 2L).mul(Lanes.loadBf16(Lanes.ALL, w + i * 2L));
                squares = value.fma(value, squares);
                products = gw.fma(value, products);
            }
            if (i < n) {
                var tail = Lanes.tail(i, n);
                var value = Lanes.loadBf16(Lanes.ALL, x + from + i * 2L, tail);
                var gw = Lanes.loadBf16(Lanes.ALL, g + from + i * 2L, tail)
                        .mul(Lanes.loadBf16(Lanes.ALL, w + i * 2L, tail));
                squares = value.fma(value, squares);
                products = gw.fma(value, products);
            }
            float scale = RmsNormRow.inverseRms(Lanes.sum(squares), n, eps);
            set(r, row, scale);
            set(c, row, RmsNormRow.share(scale, Lanes.sum(products), n));
        }
    }

    static void gradientsBf16(long x, long w, long g, long dx, int rows, int n, long r, long c, long dw) {
        for (int row = 0; row < rows; row++) {
            long from = row * 2L * n;
            RmsNormRow.spreadBf16(x + from, w, g + from, dx + from, n, at(r, row), at(c, row), dw);
        }
    }

    /** y += x of {@code rows} rows. */
    static void addRows(long x, int rows, int n, long y) {
        for (int row = 0; row < rows; row++) {
            Rows.add(x + row * 4L * n, y, n);
        }
    }
}
