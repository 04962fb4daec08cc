package io.coda4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.cpu.CpuDevice;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** The methods that build several primitives, or none. */
class TensorTest {
    private static final Array X = Array.of(Shape.of(2, 3), 1, 2, 3, 4, 5, 6f);

    private static void check(Tensor got, double... expected) {
        assertArrayEquals(expected, ((Array) got).toDoubles(), 1e-6);
    }

    @Test
    void operandsAreBroadcastAgainstEachOther() {
        check(X.add(Array.of(Shape.of(3), 10, 20, 30f)), 11, 22, 33, 14, 25, 36);
        check(X.mul(Array.of(Shape.of(2, 1), 1, 10f)), 1, 2, 3, 40, 50, 60);
        check(Array.of(Shape.of(3), 1, 2, 3f).sub(Array.of(Shape.of(2, 1), 1, 2f)), 0, 1, 2, -1, 0, 1);
        check(X.lt(Array.scalar(3.5f)), 1, 1, 1, 0, 0, 0);
        assertEquals(
                Shape.of(0, 3),
                Array.of(Shape.of(0, 1), new float[0])
                        .add(Array.of(Shape.of(3), 1, 2, 3f))
                        .shape());
    }

    @Test
    void elementTypesAreNotPromoted() {
        assertThrows(ShapeException.class, () -> X.add(Array.of(Shape.of(2, 3), 1, 2, 3, 4, 5, 6)));
        assertThrows(ShapeException.class, () -> X.add(X.convert(DType.BF16)));
    }

    @Test
    void arithmeticWithNumbers() {
        check(X.add(1).mul(2).sub(1).div(3), 1, 5 / 3.0, 7 / 3.0, 3, 11 / 3.0, 13 / 3.0);
        check(X.max(3).min(5), 3, 3, 3, 4, 5, 5);
    }

    @Test
    void methodsThatChangeNothingReturnTheTensorItself() {
        assertSame(X, X.reshape(2, 3));
        assertSame(X, X.transpose(0, 1));
        assertSame(X, X.convert(DType.F32));
        assertSame(X, X.broadcastTo(Shape.of(2, 3)));
        assertSame(X, X.sum());
        assertSame(X, Tensor.concat(0, List.of(X)));
    }

    @Test
    void negativeAxesCountFromTheLast() {
        check(X.sum(-1), 6, 15);
        check(X.reduceMin(-2), 1, 2, 3);
        check(X.slice(-1, 1, 2), 2, 5);
        check(X.pad(-1, 0, 1), 1, 2, 3, 0, 4, 5, 6, 0);
        check(Tensor.concat(-1, List.of(X, X)), 1, 2, 3, 1, 2, 3, 4, 5, 6, 4, 5, 6);
        check(X.dynamicSlice(-1, 1, Array.scalar(2)), 3, 6);
        check(X.dynamicUpdateSlice(-2, X.slice(0, 0, 1), Array.scalar(1)), 1, 2, 3, 1, 2, 3);
        check(Tensor.iota(TensorType.i32(2, 2), -1), 0, 1, 0, 1);
        assertEquals(3, X.dim(-1));
    }

    @Test
    void reductions() {
        check(X.mean(1), 2, 5);
        check(X.mean(0, 1), 3.5);
        check(X.sumAll(), 21);
        check(X.sum(List.of(0)), 5, 7, 9);
        check(X.sum(1).expand(X.shape(), List.of(1)), 6, 6, 6, 15, 15, 15);
    }

    @Test
    void sumsOverNarrowTypesNeedNotFitIntoThem() {
        int n = 70_000;
        var half = Tensor.full(TensorType.of(DType.F16, n), 64);
        check(half.mean(0), 64);
        check(half.reshape(7, n / 7).mean(1), 64, 64, 64, 64, 64, 64, 64);
        assertEquals(DType.F16, half.mean(0).dtype());
        assertEquals(-Math.log(n), ((Array) half.logSoftmax().slice(0, 0, 1)).item(), 0x1p-8);
        assertEquals(DType.F16, half.logSoftmax().dtype());
        // Rounded after each step, the last would be -0.40625.
        check(Array.of(TensorType.of(DType.BF16, 3), 1, 2, 3).logSoftmax(), -2.40625, -1.40625, -0.408203125);
    }

    @Test
    void products() {
        var w = Array.of(Shape.of(2, 3), 1, 0, 0, 0, 1, 1f);
        check(X.linear(w), 1, 5, 4, 11);
        check(X.matmul(w.transpose(1, 0)), 1, 5, 4, 11);
        var narrow = X.convert(DType.BF16).linear(w.convert(DType.BF16));
        assertEquals(DType.BF16, narrow.dtype());
        check(narrow, 1, 5, 4, 11);
        check(Array.of(Shape.of(1, 2, 3), 1, 2, 3, 4, 5, 6f).linear(w), 1, 5, 4, 11);
    }

    @Test
    void softmaxOfRows() {
        double z = Math.exp(-2) + Math.exp(-1) + 1;
        var p = IntStream.range(0, 6).mapToDouble(i -> Math.exp(i % 3 - 2) / z).toArray();
        check(X.softmax(), p);
        check(
                X.logSoftmax(),
                IntStream.range(0, 6).mapToDouble(i -> Math.log(p[i])).toArray());
        check(X.add(10_000).softmax(), p);
        double inf = Double.NEGATIVE_INFINITY;
        check(Array.of(TensorType.f32(3), inf, 0, inf).softmax(), 0, 1, 0);
    }

    @Test
    void activations() {
        check(X.silu().slice(0, 0, 1), 1 / (1 + Math.exp(-1)), 2 / (1 + Math.exp(-2)), 3 / (1 + Math.exp(-3)));
    }

    @Test
    void choices() {
        check(X.argMax(), 2, 2);
        assertEquals(DType.I32, X.argMax().dtype());
        check(Array.of(Shape.of(2), 1, 0).oneHot(3, DType.F32), 0, 1, 0, 1, 0, 0);
        check(Array.of(Shape.of(2), 3, -1).oneHot(3, DType.F32), 0, 0, 0, 0, 0, 0);
        check(X.gt(X.like(2)).and(X.lt(X.like(5))).or(X.eq(X.like(1))).not(), 0, 1, 0, 0, 1, 1);
    }

    @Test
    void arraysConvertTheirValues() {
        var bf16 = Array.of(TensorType.of(DType.BF16, 2), 1.001, -2);
        assertArrayEquals(new float[] {1, -2}, bf16.toFloats());
        assertArrayEquals(new int[] {1, -2}, bf16.toInts());
        assertEquals(5, Array.scalar(5).item());
        assertArrayEquals(new float[0], Array.of(Shape.of(0, 3), new float[0]).toFloats());
    }

    @Test
    void doublesAreRoundedOnceToNarrowTypes() {
        // Just beside the middle between two numbers of the narrow type, and nearer to it than a float can be.
        double off = 0x1p-40;
        var values =
                new double[] {1 + 0x1p-8 + off, -1 - 3 * 0x1p-8 + off, 0x1p-134 + 0x1p-160, 0x1.fep127, 1e300, -1e-300};
        var bf16 = TensorType.of(DType.BF16, values.length);
        double inf = Double.POSITIVE_INFINITY;
        var expected = new double[] {1 + 0x1p-7, -1 - 0x1p-7, 0x1p-133, 0x1.fep127, inf, -0.0};
        assertArrayEquals(expected, Array.of(bf16, values).toDoubles());
        assertArrayEquals(
                expected, ((Array) Array.of(bf16.as(DType.F64), values).convert(DType.BF16)).toDoubles());
        var f16 = Array.of(TensorType.of(DType.F16, 4), 1 + 0x1p-11 + off, 1 + 0x1p-11, 65520 - 0x1p-20, 65520);
        assertArrayEquals(new double[] {1 + 0x1p-10, 1, 65504, inf}, f16.toDoubles());
    }

    /** Of more elements than a Java array holds nothing is copied. */
    @Test
    @SuppressWarnings("restricted")
    void arraysThatAreTooLargeForJavaAreNamed() {
        var type = TensorType.of(DType.BOOL, 1 << 16, 1 << 16);
        // Never read, so that there may be nothing.
        var host = MemorySegment.ofAddress(4096).reinterpret(type.byteSize());
        try (var device = CpuDevice.withThreads(1)) {
            var large = Array.over(type, host, device);
            for (var copy : List.<Executable>of(large::toFloats, large::toDoubles, large::toInts)) {
                var error = assertThrows(ShapeException.class, copy);
                assertEquals(
                        "bool[65536,65536] has 4294967296 elements, more than a Java array holds; slice it, or download"
                                + " its buffer to native memory",
                        error.getMessage());
            }
        }
    }

    @Test
    void arraysCheckTheirElementCount() {
        var error = assertThrows(ShapeException.class, () -> Array.of(Shape.of(2, 2), 1, 2, 3f));
        assertEquals("array of f32[2,2] needs 4 elements, got 3", error.getMessage());
        assertTrue(assertThrows(ShapeException.class, X::item)
                .getMessage()
                .contains("exactly one element, f32[2,3] has 6"));
    }
}
