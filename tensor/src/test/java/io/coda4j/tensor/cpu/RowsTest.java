package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class RowsTest {
    @ParameterizedTest
    @EnumSource(DType.class)
    void takeRowsCopiesRows(DType dtype) {
        for (int width : new int[] {1, 17, 300}) {
            var table = TensorType.of(dtype, 50, width);
            var run = new KernelCase(new Primitive.TakeRows(), table, TensorType.i32(3, 41))
                    .with(KernelCase.integers(1, 50 * width, 0, 100))
                    .with(KernelCase.integers(2, 123, 0, 50));
            var expected = new double[123 * width];
            for (int i = 0; i < expected.length; i++) {
                expected[i] = run.operand(0)[(int) run.operand(1)[i / width] * width + i % width];
            }
            assertArrayEquals(expected, run.run());
        }
    }

    @Test
    void noIdsTakeNoRows() {
        var run = new KernelCase(new Primitive.TakeRows(), TensorType.f32(5, 3), TensorType.i32(0))
                .with(KernelCase.normal(1, 15))
                .with();
        assertArrayEquals(new double[0], run.run());
    }

    @Test
    void scatterAddRowsAddsUpdatesOfOneRowInTheOrderOfTheIds() {
        for (int width : new int[] {1, 15, 128, 301}) {
            var run = new KernelCase(
                            new Primitive.ScatterAddRows(9), TensorType.i32(7, 11), TensorType.f32(7, 11, width))
                    .with(KernelCase.integers(2, 77, 0, 8))
                    .with(KernelCase.normal(3, 77 * width));
            float[] sums = sums(run, width);
            var expected = new double[sums.length];
            Arrays.setAll(expected, i -> sums[i]);
            assertArrayEquals(expected, run.run());
        }
    }

    /** What nine rows get of 77 updates. */
    private static float[] sums(KernelCase run, int width) {
        var sums = new float[9 * width];
        for (int i = 0; i < 77 * width; i++) {
            sums[(int) run.operand(0)[i / width] * width + i % width] += (float) run.operand(1)[i];
        }
        return sums;
    }

    /** Rows without an id are zeros; wide rows do not fit one block of scratch memory. */
    @Test
    void scatterAddRowsOfBf16SumsInF32AndRoundsOnce() {
        for (int width : new int[] {1, 15, 128, 301, 2061}) {
            var run = new KernelCase(
                            new Primitive.ScatterAddRows(9),
                            TensorType.i32(7, 11),
                            new TensorType(DType.BF16, Shape.of(7, 11, width)))
                    .with(KernelCase.integers(2, 77, 0, 8))
                    .with(KernelCase.normal(3, 77 * width));
            float[] sums = sums(run, width);
            var expected = new double[sums.length];
            Arrays.setAll(expected, i -> Bf16.toFloat(Bf16.fromFloat(sums[i])));
            assertArrayEquals(expected, run.run());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 50, Integer.MIN_VALUE})
    void idsOutsideTheTableAreNamed(int id) {
        var take = new KernelCase(new Primitive.TakeRows(), TensorType.f32(50, 2), TensorType.i32(3))
                .with(KernelCase.normal(1, 100))
                .with(0, 49, id);
        assertEquals(
                "takeRows: id " + id + " at position 2 is outside the table; expected 0..49; check that the ids and the"
                        + " table come from the same vocabulary",
                assertThrows(DeviceException.class, take::run).getMessage());
        var scatter = new KernelCase(new Primitive.ScatterAddRows(50), TensorType.i32(3), TensorType.f32(3, 2))
                .with(0, 49, id)
                .with(KernelCase.normal(1, 6));
        assertEquals(
                "scatterAddRows: id " + id + " at position 2 is outside the table; expected 0..49; check that the ids"
                        + " and the table come from the same vocabulary",
                assertThrows(DeviceException.class, scatter::run).getMessage());
    }
}
