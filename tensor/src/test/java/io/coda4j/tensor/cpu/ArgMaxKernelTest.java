package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import java.util.List;
import org.junit.jupiter.api.Test;

final class ArgMaxKernelTest {
    @Test
    void theLowestIndexOfTheGreatestElementWins() {
        for (var dtype : List.of(DType.F32, DType.BF16)) {
            for (int n : new int[] {1, Lanes.COUNT - 1, Lanes.COUNT, 2 * Lanes.COUNT + 3, 1000}) {
                for (int rows : new int[] {0, 1, 37}) {
                    var run = new KernelCase(new Primitive.ArgMax(1), TensorType.of(dtype, rows, n))
                            .with(KernelCase.integers(n, rows * n, -40, -20));
                    var expected = new double[rows];
                    for (int i = 0; i < rows * n; i++) {
                        int best = i / n * n + (int) expected[i / n];
                        if (run.operand(0)[i] > run.operand(0)[best]) {
                            expected[i / n] = i % n;
                        }
                    }
                    assertArrayEquals(expected, run.run());
                }
            }
        }
    }

    @Test
    void infinitiesCountAndARowWithNanHasNoGreatest() {
        double low = Double.NEGATIVE_INFINITY;
        var run = new KernelCase(new Primitive.ArgMax(1), TensorType.f32(4, 3))
                .with(low, low, low, 1, Double.POSITIVE_INFINITY, 2, 1, Double.NaN, 3, -0.0, 0.0, -0.0);
        assertArrayEquals(new double[] {0, 1, Integer.MAX_VALUE, 0}, run.run());
    }

    @Test
    void otherAxesAreLeftToTheMeaning() {
        assertFalse(new KernelCase(new Primitive.ArgMax(0), TensorType.f32(4, 3)).isServed());
    }
}
