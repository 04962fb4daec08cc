package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import org.junit.jupiter.api.Test;

final class RopeKernelTest {
    private static final int BATCH = 2;
    private static final int STEPS = 5;
    private static final int HEADS = 3;

    private static double[] turned(double[] x, double[] positions, int n, double theta, boolean inverse) {
        var y = new double[x.length];
        int half = n / 2;
        for (int head = 0; head < x.length / Math.max(1, n); head++) {
            double position = positions[head / HEADS % STEPS];
            for (int i = 0; i < half; i++) {
                double angle = position * Math.pow(theta, -2.0 * i / n) * (inverse ? -1 : 1);
                double a = x[head * n + i];
                double b = x[head * n + half + i];
                y[head * n + i] = a * Math.cos(angle) - b * Math.sin(angle);
                y[head * n + half + i] = b * Math.cos(angle) + a * Math.sin(angle);
            }
        }
        return y;
    }

    private static KernelCase rope(DType dtype, int n, boolean inverse, double... positions) {
        var x = TensorType.of(dtype, BATCH, STEPS, HEADS, n);
        return new KernelCase(new Primitive.Rope(10_000, inverse), x, TensorType.i32(STEPS))
                .with(KernelCase.normal(n, (int) x.size()))
                .with(positions);
    }

    @Test
    void pairsAreTurnedByTheirPosition() {
        for (int n : new int[] {0, 2, 2 * Lanes.COUNT - 2, 2 * Lanes.COUNT, 2 * Lanes.COUNT + 2, 128}) {
            for (boolean inverse : new boolean[] {false, true}) {
                var run = rope(DType.F32, n, inverse, 0, 1, 7, 4095, -3);
                var expected = turned(run.operand(0), run.operand(1), n, 10_000, inverse);
                KernelCase.assertClose(expected, run.run(), 1e-6, 1e-6);
                var narrow = rope(DType.BF16, n, inverse, 0, 1, 7, 4095, -3);
                var rounded = turned(narrow.operand(0), narrow.operand(1), n, 10_000, inverse);
                KernelCase.assertClose(rounded, narrow.run(), 0x1.02p-8, 1e-6);
            }
        }
    }

    @Test
    void tablesFollowThePositions() {
        for (int shift = 0; shift < 3; shift++) {
            var run = rope(DType.F32, 64, false, shift, shift + 1, shift + 2, shift + 3, shift + 4);
            var expected = turned(run.operand(0), run.operand(1), 64, 10_000, false);
            KernelCase.assertClose(expected, run.run(), 1e-6, 1e-6);
        }
    }
}
