package io.coda4j.tensor.cpu;

import jdk.incubator.vector.FloatVector;

/** What RMSNorm and its gradient compute of one row of n elements. Rows are addresses, see {@link Lanes#ALL}. */
final class RmsNormRow {
    private RmsNormRow() {}

    /** The sum of x^2. */
    static float squares(long x, int n) {
        var s0 = FloatVector.zero(Lanes.F32);
        var s1 = s0;
        var s2 = s0;
        var s3 = s0;
        int i = 0;
        for (; i <= n - 4 * Lanes.COUNT; i += 4 * Lanes.COUNT) {
            var x0 = Lanes.load(x + i * 4L);
            var x1 = Lanes.load(x + (i + Lanes.COUNT) * 4L);
            var x2 = Lanes.load(x + (i + 2 * Lanes.COUNT) * 4L);
            var x3 = Lanes.load(x + (i + 3 * Lanes.COUNT) * 4L);
            s0 = x0.fma(x0, s0);
            s1 = x1.fma(x1, s1);
            s2 = x2.fma(x2, s2);
            s3 = x3.fma(x3, s3);
        }
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var x0 = Lanes.load(x + i * 4L);
            s0 = x0.fma(x0, s0);
        }
        if (i < n) {
            var x1 = Lanes.load(Lanes.ALL, x + i * 4L, Lanes.tail(i, n));
            s1 = x1.fma(x1, s1);
        }
        return Lanes.sum(s0.add(s1).add(s2.add(s3)));
    }

    /** y = r x w. */
    static void scale(long x, long w, long y, int n, float r) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var value = Lanes.load(x + i * 4L).mul(r).mul(Lanes.load(w + i * 4L));
            Lanes.store(value, y + i * 4L);
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            var value = Lanes.load(Lanes.ALL, x + i * 4L, tail).mul(r).mul(Lanes.load(Lanes.ALL, w + i * 4L, tail));
            Lanes.store(value, Lanes.ALL, y + i * 4L, tail);
        }
    }

    static float squaresBf16(long x, int n) {
        var s0 = FloatVector.zero(Lanes.F32);
        var s1 = s0;
        int i = 0;
        for (; i <= n - 2 * Lanes.COUNT; i += 2 * Lanes.COUNT) {
            var x0 = Lanes.loadBf16(Lanes.ALL, x + i * 2L);
            var x1 = Lanes.loadBf16(Lanes.ALL, x + (i + Lanes.COUNT) * 2L);
            s0 = x0.fma(x0, s0);
            s1 = x1.fma(x1, s1);
        }
        for (; i < n; i += Lanes.COUNT) {
            var x0 = Lanes.loadBf16(Lanes.ALL, x + i * 2L, Lanes.tail(i, n));
            s0 = x0.fma(x0, s0);
        }
        return Lanes.sum(s0.add(s1));
    }

    static void scaleBf16(long x, long w, long y, int n, float r) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var unit = Lanes.round(Lanes.loadBf16(Lanes.ALL, x + i * 2L).mul(r));
            Lanes.storeBf16(unit.mul(Lanes.loadBf16(Lanes.ALL, w + i * 2L)), Lanes.ALL, y + i * 2L);
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            var unit = Lanes.round(Lanes.loadBf16(Lanes.ALL, x + i * 2L, tail).mul(r));
            Lanes.storeBf16(unit.mul(Lanes.loadBf16(Lanes.ALL, w + i * 2L, tail)), Lanes.ALL, y + i * 2L, tail);
        }
    }

    /** dx = r g w - c x, and dw += g r x. */
    static void spread(long x, long w, long g, long dx, int n, float r, float c, long dw) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var value = Lanes.load(x + i * 4L);
            var gr = Lanes.load(g + i * 4L).mul(r);
            Lanes.store(gr.mul(Lanes.load(w + i * 4L)).sub(value.mul(c)), dx + i * 4L);
            Lanes.store(gr.fma(value, Lanes.load(dw + i * 4L)), dw + i * 4L);
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            var value = Lanes.load(Lanes.ALL, x + i * 4L, tail);
            var gr = Lanes.load(Lanes.ALL, g + i * 4L, tail).mul(r);
            Lanes.store(
                    gr.mul(Lanes.load(Lanes.ALL, w + i * 4L, tail)).sub(value.mul(c)), Lanes.ALL, dx + i * 4L, tail);
            var sum = gr.fma(value, Lanes.load(Lanes.ALL, dw + i * 4L, tail));
            Lanes.store(sum, Lanes.ALL, dw + i * 4L, tail);
        }
    }

    static void spreadBf16(long x, long w, long g, long dx, int n, float r, float c, long dw) {
        int i = 0;
        for (; i <= n - Lanes.COUNT; i += Lanes.COUNT) {
            var value = Lanes.loadBf16(Lanes.ALL, x + i * 2L);
            var gr = Lanes.loadBf16(Lanes.ALL, g + i * 2L).mul(r);
            Lanes.storeBf16(gr.mul(Lanes.loadBf16(Lanes.ALL, w + i * 2L)).sub(value.mul(c)), Lanes.ALL, dx + i * 2L);
            Lanes.store(gr.fma(value, Lanes.load(dw + i * 4L)), dw + i * 4L);
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            var value = Lanes.loadBf16(Lanes.ALL, x + i * 2L, tail);
            var gr = Lanes.loadBf16(Lanes.ALL, g + i * 2L, tail).mul(r);
            Lanes.storeBf16(
                    gr.mul(Lanes.loadBf16(Lanes.ALL, w + i * 2L, tail)).sub(value.mul(c)),
                    Lanes.ALL,
                    dx + i * 2L,
                    tail);
            var sum = gr.fma(value, Lanes.load(Lanes.ALL, dw + i * 4L, tail));
            Lanes.store(sum, Lanes.ALL, dw + i * 4L, tail);
        }
    }

    /** r. */
    static float inverseRms(float squares, int n, double eps) {
        return (float) (1 / Math.sqrt((double) squares / n + eps));
    }

    /** c = r^3 mean(g w x). */
    static float share(float r, float projection, int n) {
        return (float) ((double) r * r * r * projection / n);
    }
}
