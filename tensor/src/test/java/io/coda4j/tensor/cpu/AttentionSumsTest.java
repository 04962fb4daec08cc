package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.MachineKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.junit.jupiter.api.Test;

class AttentionSumsTest {
    private static final int ROWS = 5;
    private static final int SIZE = 3;
    private static final float OTHER = 7;

    private static AttentionShape shape(DType dtype) {
        var q = TensorType.of(dtype, 1, ROWS, 2, SIZE);
        return AttentionShape.of(List.of(q, q, q), 1, AttentionMask.FULL);
    }

    /** A tensor like q of {@code arena} in which every element is {@link #OTHER}. */
    private static MemorySegment result(Arena arena, DType dtype) {
        var result = arena.allocate(shape(dtype).queryBytes(), 64);
        for (int i = 0; i < ROWS * 2 * SIZE; i++) {
            if (dtype == DType.F32) {
                result.setAtIndex(JAVA_FLOAT, i, OTHER);
            } else {
                result.setAtIndex(JAVA_SHORT, i, Bf16.fromFloat(OTHER));
            }
        }
        return result;
    }

    private static void store(AttentionSums sums, int from, int to, float value) {
        for (int r = from; r < to; r++) {
            for (int d = 0; d < SIZE; d++) {
                sums.segment().set(JAVA_FLOAT, sums.at(r, d), value + r);
            }
        }
    }

    private static float element(MemorySegment result, DType dtype, int row, int head, int d) {
        int index = (row * 2 + head) * SIZE + d;
        return dtype == DType.F32
                ? result.getAtIndex(JAVA_FLOAT, index)
                : Bf16.toFloat(result.getAtIndex(JAVA_SHORT, index));
    }

    @Test
    void rowsAreOverwrittenOnceAndRowsThatNobodyReachesAreZeros() {
        for (var dtype : List.of(DType.F32, DType.BF16)) {
            try (var arena = Arena.ofConfined()) {
                var shape = shape(dtype);
                var result = result(arena, dtype);
                var sums = new AttentionSums();
                sums.begin(shape, result, shape.queryAt(0, 0, 1), shape.queryStride(), ROWS);
                assertFalse(sums.reach(0, 2), "nothing is there to add to");
                store(sums, 0, 2, 10);
                assertTrue(sums.reach(0, 3), "rows 0 and 1 are sums");
                assertEquals(10, sums.segment().get(JAVA_FLOAT, sums.at(0, 0)));
                assertEquals(0, sums.segment().get(JAVA_FLOAT, sums.at(2, SIZE - 1)), "row 2 can be added to");
                assertFalse(sums.reach(3, 4), "row 3 is new");
                store(sums, 3, 4, 20);
                sums.multiply(3, 0.5f);
                sums.clear(0);
                sums.finish(AttentionPasses.of(MachineKernels.ofProcess().loops(Lanes.COUNT), dtype == DType.BF16));
                float[] expected = {0, 11, 0, 11.5f, 0};
                for (int r = 0; r < ROWS; r++) {
                    for (int d = 0; d < SIZE; d++) {
                        assertEquals(expected[r], element(result, dtype, r, 1, d), dtype + " row " + r);
                        assertEquals(OTHER, element(result, dtype, r, 0, d), "the other head");
                    }
                }
            }
        }
    }

    @Test
    void onlyRowsOfF32AreInTheResult() {
        try (var arena = Arena.ofConfined()) {
            var wide = result(arena, DType.F32);
            var sums = new AttentionSums();
            sums.begin(shape(DType.F32), wide, 0, shape(DType.F32).queryStride(), ROWS);
            assertEquals(wide.address(), sums.segment().address());
            var narrow = result(arena, DType.BF16);
            sums.begin(shape(DType.BF16), narrow, 0, shape(DType.BF16).queryStride(), ROWS);
            assertNotEquals(narrow.address(), sums.segment().address());
        }
    }

    @Test
    void rowsBeyondTheResultAreRefused() {
        try (var arena = Arena.ofConfined()) {
            var shape = shape(DType.F32);
            var result = result(arena, DType.F32);
            var sums = new AttentionSums();
            long stride = shape.queryStride();
            assertThrows(
                    IndexOutOfBoundsException.class,
                    () -> sums.begin(shape, result, shape.queryAt(0, 1, 0), stride, ROWS));
            assertThrows(IndexOutOfBoundsException.class, () -> sums.begin(shape, result, -4, stride, ROWS));
        }
    }
}
