package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.HALF_BYTES;
import static io.coda4j.tensor.cpu.MicroKernel.LANES;
import static io.coda4j.tensor.cpu.MicroKernel.MR;
import static io.coda4j.tensor.cpu.MicroKernel.ORDER;
import static io.coda4j.tensor.cpu.MicroKernel.PANEL_BYTES;
import static io.coda4j.tensor.cpu.MicroKernel.ROW;
import static io.coda4j.tensor.cpu.MicroKernel.SPECIES;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/**
 * The form of {@link MicroKernel} with 12 rows: 24 accumulators of one vector, one outer product per step.
 *
 * <p>The rows are written out because vectors stay in registers only as separate local variables. The tile goes to a
 * {@code float[]}, not to native memory: with that, C1 can compile the method, and C2 then always gets to see it.
 */
final class MicroKernel12 {
    private MicroKernel12() {}

    /** Left element (r, k) is {@code a[at + r * ROW + k]}. */
    static void rows(int depth, float[] a, int at, MemorySegment panel, long from, float[] tile) {
        var c0 = FloatVector.zero(SPECIES);
        var d0 = FloatVector.zero(SPECIES);
        var c1 = FloatVector.zero(SPECIES);
        var d1 = FloatVector.zero(SPECIES);
        var c2 = FloatVector.zero(SPECIES);
        var d2 = FloatVector.zero(SPECIES);
        var c3 = FloatVector.zero(SPECIES);
        var d3 = FloatVector.zero(SPECIES);
        var c4 = FloatVector.zero(SPECIES);
        var d4 = FloatVector.zero(SPECIES);
        var c5 = FloatVector.zero(SPECIES);
        var d5 = FloatVector.zero(SPECIES);
        var c6 = FloatVector.zero(SPECIES);
        var d6 = FloatVector.zero(SPECIES);
        var c7 = FloatVector.zero(SPECIES);
        var d7 = FloatVector.zero(SPECIES);
        var c8 = FloatVector.zero(SPECIES);
        var d8 = FloatVector.zero(SPECIES);
        var c9 = FloatVector.zero(SPECIES);
        var d9 = FloatVector.zero(SPECIES);
        var c10 = FloatVector.zero(SPECIES);
        var d10 = FloatVector.zero(SPECIES);
        var c11 = FloatVector.zero(SPECIES);
        var d11 = FloatVector.zero(SPECIES);
        for (int k = 0; k < depth; k++) {
            long offset = from + k * (long) PANEL_BYTES;
            var b0 = FloatVector.fromMemorySegment(SPECIES, panel, offset, ORDER);
            var b1 = FloatVector.fromMemorySegment(SPECIES, panel, offset + HALF_BYTES, ORDER);
            var a0 = FloatVector.broadcast(SPECIES, a[at + k]);
            c0 = a0.fma(b0, c0);
            d0 = a0.fma(b1, d0);
            var a1 = FloatVector.broadcast(SPECIES, a[at + k + ROW]);
            c1 = a1.fma(b0, c1);
            d1 = a1.fma(b1, d1);
            var a2 = FloatVector.broadcast(SPECIES, a[at + k + 2 * ROW]);
            c2 = a2.fma(b0, c2);
            d2 = a2.fma(b1, d2);
            var a3 = FloatVector.broadcast(SPECIES, a[at + k + 3 * ROW]);
            c3 = a3.fma(b0, c3);
            d3 = a3.fma(b1, d3);
            var a4 = FloatVector.broadcast(SPECIES, a[at + k + 4 * ROW]);
            c4 = a4.fma(b0, c4);
            d4 = a4.fma(b1, d4);
            var a5 = FloatVector.broadcast(SPECIES, a[at + k + 5 * ROW]);
            c5 = a5.fma(b0, c5);
            d5 = a5.fma(b1, d5);
            var a6 = FloatVector.broadcast(SPECIES, a[at + k + 6 * ROW]);
            c6 = a6.fma(b0, c6);
            d6 = a6.fma(b1, d6);
            var a7 = FloatVector.broadcast(SPECIES, a[at + k + 7 * ROW]);
            c7 = a7.fma(b0, c7);
            d7 = a7.fma(b1, d7);
            var a8 = FloatVector.broadcast(SPECIES, a[at + k + 8 * ROW]);
            c8 = a8.fma(b0, c8);
            d8 = a8.fma(b1, d8);
            var a9 = FloatVector.broadcast(SPECIES, a[at + k + 9 * ROW]);
            c9 = a9.fma(b0, c9);
            d9 = a9.fma(b1, d9);
            var a10 = FloatVector.broadcast(SPECIES, a[at + k + 10 * ROW]);
            c10 = a10.fma(b0, c10);
            d10 = a10.fma(b1, d10);
            var a11 = FloatVector.broadcast(SPECIES, a[at + k + 11 * ROW]);
            c11 = a11.fma(b0, c11);
            d11 = a11.fma(b1, d11);
        }
        c0.intoArray(tile, 0);
        d0.intoArray(tile, LANES);
        c1.intoArray(tile, 2 * LANES);
        d1.intoArray(tile, 3 * LANES);
        c2.intoArray(tile, 4 * LANES);
        d2.intoArray(tile, 5 * LANES);
        c3.intoArray(tile, 6 * LANES);
        d3.intoArray(tile, 7 * LANES);
        c4.intoArray(tile, 8 * LANES);
        d4.intoArray(tile, 9 * LANES);
        c5.intoArray(tile, 10 * LANES);
        d5.intoArray(tile, 11 * LANES);
        c6.intoArray(tile, 12 * LANES);
        d6.intoArray(tile, 13 * LANES);
        c7.intoArray(tile, 14 * LANES);
        d7.intoArray(tile, 15 * LANES);
        c8.intoArray(tile, 16 * LANES);
        d8.intoArray(tile, 17 * LANES);
        c9.intoArray(tile, 18 * LANES);
        d9.intoArray(tile, 19 * LANES);
        c10.intoArray(tile, 20 * LANES);
        d10.intoArray(tile, 21 * LANES);
        c11.intoArray(tile, 22 * LANES);
        d11.intoArray(tile, 23 * LANES);
    }

    /** Left element (r, k) is {@code a[at + k * MR + r]}. */
    static void columns(int depth, float[] a, int at, MemorySegment panel, long from, float[] tile) {
        var c0 = FloatVector.zero(SPECIES);
        var d0 = FloatVector.zero(SPECIES);
        var c1 = FloatVector.zero(SPECIES);
        var d1 = FloatVector.zero(SPECIES);
        var c2 = FloatVector.zero(SPECIES);
        var d2 = FloatVector.zero(SPECIES);
        var c3 = FloatVector.zero(SPECIES);
        var d3 = FloatVector.zero(SPECIES);
        var c4 = FloatVector.zero(SPECIES);
        var d4 = FloatVector.zero(SPECIES);
        var c5 = FloatVector.zero(SPECIES);
        var d5 = FloatVector.zero(SPECIES);
        var c6 = FloatVector.zero(SPECIES);
        var d6 = FloatVector.zero(SPECIES);
        var c7 = FloatVector.zero(SPECIES);
        var d7 = FloatVector.zero(SPECIES);
        var c8 = FloatVector.zero(SPECIES);
        var d8 = FloatVector.zero(SPECIES);
        var c9 = FloatVector.zero(SPECIES);
        var d9 = FloatVector.zero(SPECIES);
        var c10 = FloatVector.zero(SPECIES);
        var d10 = FloatVector.zero(SPECIES);
        var c11 = FloatVector.zero(SPECIES);
        var d11 = FloatVector.zero(SPECIES);
        for (int k = 0; k < depth; k++) {
            long offset = from + k * (long) PANEL_BYTES;
            var b0 = FloatVector.fromMemorySegment(SPECIES, panel, offset, ORDER);
            var b1 = FloatVector.fromMemorySegment(SPECIES, panel, offset + HALF_BYTES, ORDER);
            int i = at + k * MR;
            var a0 = FloatVector.broadcast(SPECIES, a[i]);
            c0 = a0.fma(b0, c0);
            d0 = a0.fma(b1, d0);
            var a1 = FloatVector.broadcast(SPECIES, a[i + 1]);
            c1 = a1.fma(b0, c1);
            d1 = a1.fma(b1, d1);
            var a2 = FloatVector.broadcast(SPECIES, a[i + 2]);
            c2 = a2.fma(b0, c2);
            d2 = a2.fma(b1, d2);
            var a3 = FloatVector.broadcast(SPECIES, a[i + 3]);
            c3 = a3.fma(b0, c3);
            d3 = a3.fma(b1, d3);
            var a4 = FloatVector.broadcast(SPECIES, a[i + 4]);
            c4 = a4.fma(b0, c4);
            d4 = a4.fma(b1, d4);
            var a5 = FloatVector.broadcast(SPECIES, a[i + 5]);
            c5 = a5.fma(b0, c5);
            d5 = a5.fma(b1, d5);
            var a6 = FloatVector.broadcast(SPECIES, a[i + 6]);
            c6 = a6.fma(b0, c6);
            d6 = a6.fma(b1, d6);
            var a7 = FloatVector.broadcast(SPECIES, a[i + 7]);
            c7 = a7.fma(b0, c7);
            d7 = a7.fma(b1, d7);
            var a8 = FloatVector.broadcast(SPECIES, a[i + 8]);
            c8 = a8.fma(b0, c8);
            d8 = a8.fma(b1, d8);
            var a9 = FloatVector.broadcast(SPECIES, a[i + 9]);
            c9 = a9.fma(b0, c9);
            d9 = a9.fma(b1, d9);
            var a10 = FloatVector.broadcast(SPECIES, a[i + 10]);
            c10 = a10.fma(b0, c10);
            d10 = a10.fma(b1, d10);
            var a11 = FloatVector.broadcast(SPECIES, a[i + 11]);
            c11 = a11.fma(b0, c11);
            d11 = a11.fma(b1, d11);
        }
        c0.intoArray(tile, 0);
        d0.intoArray(tile, LANES);
        c1.intoArray(tile, 2 * LANES);
        d1.intoArray(tile, 3 * LANES);
        c2.intoArray(tile, 4 * LANES);
        d2.intoArray(tile, 5 * LANES);
        c3.intoArray(tile, 6 * LANES);
        d3.intoArray(tile, 7 * LANES);
        c4.intoArray(tile, 8 * LANES);
        d4.intoArray(tile, 9 * LANES);
        c5.intoArray(tile, 10 * LANES);
        d5.intoArray(tile, 11 * LANES);
        c6.intoArray(tile, 12 * LANES);
        d6.intoArray(tile, 13 * LANES);
        c7.intoArray(tile, 14 * LANES);
        d7.intoArray(tile, 15 * LANES);
        c8.intoArray(tile, 16 * LANES);
        d8.intoArray(tile, 17 * LANES);
        c9.intoArray(tile, 18 * LANES);
        d9.intoArray(tile, 19 * LANES);
        c10.intoArray(tile, 20 * LANES);
        d10.intoArray(tile, 21 * LANES);
        c11.intoArray(tile, 22 * LANES);
        d11.intoArray(tile, 23 * LANES);
    }

    /** Left element (r, k) is {@code a[at + k * ROW + r]}. */
    static void turnedRows(int depth, float[] a, int at, MemorySegment panel, long from, float[] tile) {
        var c0 = FloatVector.zero(SPECIES);
        var d0 = FloatVector.zero(SPECIES);
        var c1 = FloatVector.zero(SPECIES);
        var d1 = FloatVector.zero(SPECIES);
        var c2 = FloatVector.zero(SPECIES);
        var d2 = FloatVector.zero(SPECIES);
        var c3 = FloatVector.zero(SPECIES);
        var d3 = FloatVector.zero(SPECIES);
        var c4 = FloatVector.zero(SPECIES);
        var d4 = FloatVector.zero(SPECIES);
        var c5 = FloatVector.zero(SPECIES);
        var d5 = FloatVector.zero(SPECIES);
        var c6 = FloatVector.zero(SPECIES);
        var d6 = FloatVector.zero(SPECIES);
        var c7 = FloatVector.zero(SPECIES);
        var d7 = FloatVector.zero(SPECIES);
        var c8 = FloatVector.zero(SPECIES);
        var d8 = FloatVector.zero(SPECIES);
        var c9 = FloatVector.zero(SPECIES);
        var d9 = FloatVector.zero(SPECIES);
        var c10 = FloatVector.zero(SPECIES);
        var d10 = FloatVector.zero(SPECIES);
        var c11 = FloatVector.zero(SPECIES);
        var d11 = FloatVector.zero(SPECIES);
        for (int k = 0; k < depth; k++) {
            long offset = from + k * (long) PANEL_BYTES;
            var b0 = FloatVector.fromMemorySegment(SPECIES, panel, offset, ORDER);
            var b1 = FloatVector.fromMemorySegment(SPECIES, panel, offset + HALF_BYTES, ORDER);
            int i = at + k * ROW;
            var a0 = FloatVector.broadcast(SPECIES, a[i]);
            c0 = a0.fma(b0, c0);
            d0 = a0.fma(b1, d0);
            var a1 = FloatVector.broadcast(SPECIES, a[i + 1]);
            c1 = a1.fma(b0, c1);
            d1 = a1.fma(b1, d1);
            var a2 = FloatVector.broadcast(SPECIES, a[i + 2]);
            c2 = a2.fma(b0, c2);
            d2 = a2.fma(b1, d2);
            var a3 = FloatVector.broadcast(SPECIES, a[i + 3]);
            c3 = a3.fma(b0, c3);
            d3 = a3.fma(b1, d3);
            var a4 = FloatVector.broadcast(SPECIES, a[i + 4]);
            c4 = a4.fma(b0, c4);
            d4 = a4.fma(b1, d4);
            var a5 = FloatVector.broadcast(SPECIES, a[i + 5]);
            c5 = a5.fma(b0, c5);
            d5 = a5.fma(b1, d5);
            var a6 = FloatVector.broadcast(SPECIES, a[i + 6]);
            c6 = a6.fma(b0, c6);
            d6 = a6.fma(b1, d6);
            var a7 = FloatVector.broadcast(SPECIES, a[i + 7]);
            c7 = a7.fma(b0, c7);
            d7 = a7.fma(b1, d7);
            var a8 = FloatVector.broadcast(SPECIES, a[i + 8]);
            c8 = a8.fma(b0, c8);
            d8 = a8.fma(b1, d8);
            var a9 = FloatVector.broadcast(SPECIES, a[i + 9]);
            c9 = a9.fma(b0, c9);
            d9 = a9.fma(b1, d9);
            var a10 = FloatVector.broadcast(SPECIES, a[i + 10]);
            c10 = a10.fma(b0, c10);
            d10 = a10.fma(b1, d10);
            var a11 = FloatVector.broadcast(SPECIES, a[i + 11]);
            c11 = a11.fma(b0, c11);
            d11 = a11.fma(b1, d11);
        }
        c0.intoArray(tile, 0);
        d0.intoArray(tile, LANES);
        c1.intoArray(tile, 2 * LANES);
        d1.intoArray(tile, 3 * LANES);
        c2.intoArray(tile, 4 * LANES);
        d2.intoArray(tile, 5 * LANES);
        c3.intoArray(tile, 6 * LANES);
        d3.intoArray(tile, 7 * LANES);
        c4.intoArray(tile, 8 * LANES);
        d4.intoArray(tile, 9 * LANES);
        c5.intoArray(tile, 10 * LANES);
        d5.intoArray(tile, 11 * LANES);
        c6.intoArray(tile, 12 * LANES);
        d6.intoArray(tile, 13 * LANES);
        c7.intoArray(tile, 14 * LANES);
        d7.intoArray(tile, 15 * LANES);
        c8.intoArray(tile, 16 * LANES);
        d8.intoArray(tile, 17 * LANES);
        c9.intoArray(tile, 18 * LANES);
        d9.intoArray(tile, 19 * LANES);
        c10.intoArray(tile, 20 * LANES);
        d10.intoArray(tile, 21 * LANES);
        c11.intoArray(tile, 22 * LANES);
        d11.intoArray(tile, 23 * LANES);
    }
}
