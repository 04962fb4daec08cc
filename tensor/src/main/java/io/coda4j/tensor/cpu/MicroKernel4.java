package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.HALF_BYTES;
import static io.coda4j.tensor.cpu.MicroKernel.HIGH;
import static io.coda4j.tensor.cpu.MicroKernel.LANES;
import static io.coda4j.tensor.cpu.MicroKernel.MR;
import static io.coda4j.tensor.cpu.MicroKernel.ORDER;
import static io.coda4j.tensor.cpu.MicroKernel.PANEL_BYTES;
import static io.coda4j.tensor.cpu.MicroKernel.ROW;
import static io.coda4j.tensor.cpu.MicroKernel.SPECIES;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * The form of {@link MicroKernel} with 4 rows: 8 accumulators of one vector, one outer product per step.
 *
 * <p>Sixteen registers would hold twelve accumulators, but C2 loads the left elements of a step early, each into a
 * register of its own, and then keeps accumulators in memory: 6 rows ran at half the speed of 4 (AMD Zen 3).
 *
 * <p>The rows are written out because vectors stay in registers only as separate local variables. The tile goes to a
 * {@code float[]}, not to native memory: with that, C1 can compile the method, and C2 then always gets to see it.
 */
final class MicroKernel4 {
    private MicroKernel4() {}

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
        }
        c0.intoArray(tile, 0);
        d0.intoArray(tile, LANES);
        c1.intoArray(tile, 2 * LANES);
        d1.intoArray(tile, 3 * LANES);
        c2.intoArray(tile, 4 * LANES);
        d2.intoArray(tile, 5 * LANES);
        c3.intoArray(tile, 6 * LANES);
        d3.intoArray(tile, 7 * LANES);
    }

    /** As {@link #rows}, with a panel of pairs of BF16 elements; see {@link MicroKernel#narrowRows}. */
    static void narrowRows(int depth, float[] a, int at, MemorySegment panel, long from, float[] tile) {
        var c0 = FloatVector.zero(SPECIES);
        var d0 = FloatVector.zero(SPECIES);
        var c1 = FloatVector.zero(SPECIES);
        var d1 = FloatVector.zero(SPECIES);
        var c2 = FloatVector.zero(SPECIES);
        var d2 = FloatVector.zero(SPECIES);
        var c3 = FloatVector.zero(SPECIES);
        var d3 = FloatVector.zero(SPECIES);
        for (int k = 0; k < depth; k++) {
            long offset = from + k * (long) HALF_BYTES;
            var pairs = IntVector.fromMemorySegment(Lanes.I32, panel, offset, ORDER);
            var b0 = pairs.lanewise(VectorOperators.LSHL, 16).reinterpretAsFloats();
            var b1 = pairs.and(HIGH).reinterpretAsFloats();
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
        }
        c0.intoArray(tile, 0);
        d0.intoArray(tile, LANES);
        c1.intoArray(tile, 2 * LANES);
        d1.intoArray(tile, 3 * LANES);
        c2.intoArray(tile, 4 * LANES);
        d2.intoArray(tile, 5 * LANES);
        c3.intoArray(tile, 6 * LANES);
        d3.intoArray(tile, 7 * LANES);
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
        }
        c0.intoArray(tile, 0);
        d0.intoArray(tile, LANES);
        c1.intoArray(tile, 2 * LANES);
        d1.intoArray(tile, 3 * LANES);
        c2.intoArray(tile, 4 * LANES);
        d2.intoArray(tile, 5 * LANES);
        c3.intoArray(tile, 6 * LANES);
        d3.intoArray(tile, 7 * LANES);
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
        }
        c0.intoArray(tile, 0);
        d0.intoArray(tile, LANES);
        c1.intoArray(tile, 2 * LANES);
        d1.intoArray(tile, 3 * LANES);
        c2.intoArray(tile, 4 * LANES);
        d2.intoArray(tile, 5 * LANES);
        c3.intoArray(tile, 6 * LANES);
        d3.intoArray(tile, 7 * LANES);
    }
}
