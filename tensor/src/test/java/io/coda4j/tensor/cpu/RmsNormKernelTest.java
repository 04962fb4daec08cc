package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class RmsNormKernelTest {
    private static final double EPS = 1e-6;
    private static final int[] WIDTHS = {1, Lanes.COUNT - 1, Lanes.COUNT, 5 * Lanes.COUNT + 3, 128, 1031};

    private static double inverseRms(double[] x, int row, int n) {
        double sum = 0;
        for (int i = row * n; i < (row + 1) * n; i++) {
            sum += x[i] * x[i];
        }
        return 1 / Math.sqrt(sum / n + EPS);
    }

    private static double[] normalised(double[] x, double[] w) {
        int n = w.length;
        var y = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            y[i] = x[i] * inverseRms(x, i / n, n) * w[i % n];
        }
        return y;
    }

    private static double[][] gradients(double[] x, double[] w, double[] g) {
        int n = w.length;
        var dx = new double[x.length];
        var dw = new double[n];
        for (int row = 0; row < x.length / n; row++) {
            double r = inverseRms(x, row, n);
            double projection = 0;
            for (int i = 0; i < n; i++) {
                projection += g[row * n + i] * w[i] * x[row * n + i] / n;
                dw[i] += g[row * n + i] * x[row * n + i] * r;
            }
            for (int i = 0; i < n; i++) {
                int at = row * n + i;
                dx[at] = r * g[at] * w[i] - x[at] * r * r * r * projection;
            }
        }
        return new double[][] {dx, dw};
    }

    private static KernelCase forward(DType dtype, int rows, int n) {
        return new KernelCase(new Primitive.RmsNorm(EPS), TensorType.of(dtype, rows, n), TensorType.of(dtype, n))
                .with(KernelCase.normal(n, rows * n))
                .with(KernelCase.normal(n + 1, n));
    }

    private static KernelCase backward(DType dtype, int rows, int n) {
        var x = TensorType.of(dtype, rows, n);
        return new KernelCase(new Primitive.RmsNormGrad(EPS), x, TensorType.of(dtype, n), x)
                .with(KernelCase.normal(n, rows * n))
                .with(KernelCase.normal(n + 1, n))
                .with(KernelCase.normal(n + 2, rows * n));
    }

    @Test
    void rowsAreScaledToUnitRootMeanSquare() {
        for (int n : WIDTHS) {
            for (int rows : new int[] {0, 1, 37}) {
                var run = forward(DType.F32, rows, n);
                KernelCase.assertClose(normalised(run.operand(0), run.operand(1)), run.run(), 2e-6, 0);
                var narrow = forward(DType.BF16, rows, n);
                // Rounded twice: before and after the weight.
                KernelCase.assertClose(normalised(narrow.operand(0), narrow.operand(1)), narrow.run(), 0x1.02p-7, 0);
            }
        }
    }

    @Test
    void aRowOfZerosStaysZero() {
        var run = new KernelCase(new Primitive.RmsNorm(EPS), TensorType.f32(2, 20), TensorType.f32(20))
                .with(new double[40])
                .with(KernelCase.normal(1, 20));
        KernelCase.assertClose(new double[40], run.run(), 0, 0);
    }

    @Test
    void gradientsAgreeWithDoublePrecision() {
        for (int n : WIDTHS) {
            for (int rows : new int[] {0, 1, 37, 300}) {
                var run = backward(DType.F32, rows, n);
                var expected = gradients(run.operand(0), run.operand(1), run.operand(2));
                var actual = run.runAll(Map.of());
                KernelCase.assertClose(expected[0], actual.get(0), 1e-5, 2e-5);
                KernelCase.assertClose(expected[1], actual.get(1), 1e-5, 1e-4);
            }
        }
    }

    @Test
    void bf16GradientsAreRoundedOnce() {
        for (int n : WIDTHS) {
            var run = backward(DType.BF16, 37, n);
            var expected = gradients(run.operand(0), run.operand(1), run.operand(2));
            var actual = run.runAll(Map.of());
            KernelCase.assertClose(expected[0], actual.get(0), 0x1.02p-8, 1e-5);
            KernelCase.assertClose(expected[1], actual.get(1), 0x1.02p-8, 1e-4);
        }
    }
}
