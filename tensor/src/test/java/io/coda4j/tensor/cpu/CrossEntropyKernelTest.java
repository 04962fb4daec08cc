package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class CrossEntropyKernelTest {
    private static final int[] CLASSES = {1, Lanes.COUNT - 1, Lanes.COUNT, 2 * Lanes.COUNT + 3, 1000, 33_003};

    private static double logSumExp(double[] x, int row, int n) {
        double max = Double.NEGATIVE_INFINITY;
        for (int i = row * n; i < (row + 1) * n; i++) {
            max = Math.max(max, x[i]);
        }
        double sum = 0;
        for (int i = row * n; i < (row + 1) * n; i++) {
            sum += Math.exp(x[i] - max);
        }
        return max + Math.log(sum);
    }

    private static double[] logits(int rows, int n) {
        var x = KernelCase.normal(n, rows * n);
        for (int i = 0; i < x.length; i++) {
            x[i] = i % 7 == 6 ? Double.NEGATIVE_INFINITY : 5 * x[i] + 40;
        }
        // Something to see in every row.
        for (int row = 0; row < rows; row++) {
            x[row * n] = 44;
        }
        return x;
    }

    private static KernelCase losses(DType dtype, int rows, int n) {
        return new KernelCase(new Primitive.CrossEntropy(), TensorType.of(dtype, rows, n), TensorType.i32(rows))
                .with(logits(rows, n))
                .with(KernelCase.integers(1, rows, 0, n));
    }

    @Test
    void lossIsLogSumExpLessTheTargetsLogit() {
        for (var dtype : List.of(DType.F32, DType.BF16)) {
            for (int n : CLASSES) {
                for (int rows : new int[] {0, 1, 11}) {
                    var run = losses(dtype, rows, n);
                    var loss = new double[rows];
                    var sums = new double[rows];
                    for (int row = 0; row < rows; row++) {
                        sums[row] = logSumExp(run.operand(0), row, n);
                        loss[row] = sums[row] - run.operand(0)[row * n + (int) run.operand(1)[row]];
                    }
                    var actual = run.runAll(Map.of());
                    KernelCase.assertClose(loss, actual.get(0), 1e-6, 1e-6);
                    KernelCase.assertClose(sums, actual.get(1), 1e-6, 0);
                }
            }
        }
    }

    @Test
    void gradientIsProbabilityLessOneAtTheTarget() {
        for (var dtype : List.of(DType.F32, DType.BF16)) {
            for (int n : CLASSES) {
                int rows = 5;
                var type = TensorType.of(dtype, rows, n);
                var row = TensorType.f32(rows);
                var sums = losses(dtype, rows, n).runAll(Map.of()).get(1);
                var run = new KernelCase(new Primitive.CrossEntropyGrad(), type, TensorType.i32(rows), row, row)
                        .with(logits(rows, n))
                        .with(KernelCase.integers(1, rows, 0, n))
                        .with(sums)
                        .with(KernelCase.normal(2, rows));
                var expected = new double[rows * n];
                for (int i = 0; i < expected.length; i++) {
                    double p = Math.exp(run.operand(0)[i] - sums[i / n]);
                    boolean target = i % n == (int) run.operand(1)[i / n];
                    expected[i] = (p - (target ? 1 : 0)) * run.operand(3)[i / n];
                }
                KernelCase.assertClose(expected, run.run(), dtype == DType.F32 ? 5e-6 : 0x1.02p-8, 1e-30);
            }
        }
    }

    @Test
    void targetsOutsideTheClassesAreNamed() {
        for (int target : new int[] {-100, 7}) {
            var run = new KernelCase(new Primitive.CrossEntropy(), TensorType.f32(3, 7), TensorType.i32(3))
                    .with(KernelCase.normal(1, 21))
                    .with(6, target, 0);
            assertEquals(
                    "crossEntropy: target " + target + " at position 1 is outside logits f32[3,7]; expected 0..6; leave"
                            + " positions without a target out, or give them any target and weight 0",
                    assertThrows(DeviceException.class, run::run).getMessage());
        }
    }
}
