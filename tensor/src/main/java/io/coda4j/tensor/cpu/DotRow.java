package io.coda4j.tensor.cpu;

import jdk.incubator.vector.FloatVector;

/**
 * Sums of products of one or two rows of F32 with each of four rows w, of F32 or of BF16. Rows are addresses, see {@link Lanes#ALL}, of
 * n elements, a multiple of {@link Lanes#COUNT}. Every sum has one vector, whose lanes are to be added: they go to {@code sums}, those
 * of the first row with the four, then those of the second.
 */
final class DotRow {
    private DotRow() {}

    static void one(long x, long w0, long w1, long w2, long w3, int n, long sums) {
        var a = FloatVector.zero(Lanes.F32);
        var b = a;
        var c = a;
        var d = a;
        for (int i = 0; i < n; i += Lanes.COUNT) {
            long at = i * 4L;
            var value = Lanes.load(x + at);
            a = value.fma(Lanes.load(w0 + at), a);
            b = value.fma(Lanes.load(w1 + at), b);
            c = value.fma(Lanes.load(w2 + at), c);
            d = value.fma(Lanes.load(w3 + at), d);
        }
        Lanes.store(a, sums);
        Lanes.store(b, sums + Lanes.BYTES);
        Lanes.store(c, sums + 2L * Lanes.BYTES);
        Lanes.store(d, sums + 3L * Lanes.BYTES);
    }

    static void oneBf16(long x, long w0, long w1, long w2, long w3, int n, long sums) {
        var a = FloatVector.zero(Lanes.F32);
        var b = a;
        var c = a;
        var d = a;
        for (int i = 0; i < n; i += Lanes.COUNT) {
            long at = i * 2L;
            var value = Lanes.load(x + i * 4L);
            a = value.fma(Lanes.loadBf16(Lanes.ALL, w0 + at), a);
            b = value.fma(Lanes.loadBf16(Lanes.ALL, w1 + at), b);
            c = value.fma(Lanes.loadBf16(Lanes.ALL, w2 + at), c);
            d = value.fma(Lanes.loadBf16(Lanes.ALL, w3 + at), d);
        }
        Lanes.store(a, sums);
        Lanes.store(b, sums + Lanes.BYTES);
        Lanes.store(c, sums + 2L * Lanes.BYTES);
        Lanes.store(d, sums + 3L * Lanes.BYTES);
    }

    static void two(long x, long z, long w0, long w1, long w2, long w3, int n, long sums) {
        var a = FloatVector.zero(Lanes.F32);
        var b = a;
        var c = a;
        var d = a;
        var e = a;
        var f = a;
        var g = a;
        var h = a;
        for (int i = 0; i < n; i += Lanes.COUNT) {
            long at = i * 4L;
            var first = Lanes.load(x + at);
            var second = Lanes.load(z + at);
            var y0 = Lanes.load(w0 + at);
            var y1 = Lanes.load(w1 + at);
            var y2 = Lanes.load(w2 + at);
            var y3 = Lanes.load(w3 + at);
            a = first.fma(y0, a);
            b = first.fma(y1, b);
            c = first.fma(y2, c);
            d = first.fma(y3, d);
            e = second.fma(y0, e);
            f = second.fma(y1, f);
            g = second.fma(y2, g);
            h = second.fma(y3, h);
        }
        Lanes.store(a, sums);
        Lanes.store(b, sums + Lanes.BYTES);
        Lanes.store(c, sums + 2L * Lanes.BYTES);
        Lanes.store(d, sums + 3L * Lanes.BYTES);
        Lanes.store(e, sums + 4L * Lanes.BYTES);
        Lanes.store(f, sums + 5L * Lanes.BYTES);
        Lanes.store(g, sums + 6L * Lanes.BYTES);
        Lanes.store(h, sums + 7L * Lanes.BYTES);
    }

    static void twoBf16(long x, long z, long w0, long w1, long w2, long w3, int n, long sums) {
        var a = FloatVector.zero(Lanes.F32);
        var b = a;
        var c = a;
        var d = a;
        var e = a;
        var f = a;
        var g = a;
        var h = a;
        for (int i = 0; i < n; i += Lanes.COUNT) {
            long at = i * 2L;
            var first = Lanes.load(x + i * 4L);
            var second = Lanes.load(z + i * 4L);
            var y0 = Lanes.loadBf16(Lanes.ALL, w0 + at);
            var y1 = Lanes.loadBf16(Lanes.ALL, w1 + at);
            var y2 = Lanes.loadBf16(Lanes.ALL, w2 + at);
            var y3 = Lanes.loadBf16(Lanes.ALL, w3 + at);
            a = first.fma(y0, a);
            b = first.fma(y1, b);
            c = first.fma(y2, c);
            d = first.fma(y3, d);
            e = second.fma(y0, e);
            f = second.fma(y1, f);
            g = second.fma(y2, g);
            h = second.fma(y3, h);
        }
        Lanes.store(a, sums);
        Lanes.store(b, sums + Lanes.BYTES);
        Lanes.store(c, sums + 2L * Lanes.BYTES);
        Lanes.store(d, sums + 3L * Lanes.BYTES);
        Lanes.store(e, sums + 4L * Lanes.BYTES);
        Lanes.store(f, sums + 5L * Lanes.BYTES);
        Lanes.store(g, sums + 6L * Lanes.BYTES);
        Lanes.store(h, sums + 7L * Lanes.BYTES);
    }
}
