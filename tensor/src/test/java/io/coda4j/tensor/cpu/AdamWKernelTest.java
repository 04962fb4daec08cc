package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class AdamWKernelTest {
    private static final Primitive.AdamW ADAM_W = new Primitive.AdamW(0.9, 0.95, 1e-8);

    private static TensorType[] types(DType dtype, int n) {
        var types = new TensorType[8];
        Arrays.fill(types, 0, 4, TensorType.of(dtype, n));
        Arrays.fill(types, 4, 8, TensorType.of(dtype));
        return types;
    }

    @Test
    void oneStepFollowsTheFormula() {
        for (int n : KernelCase.SIZES) {
            var squares = Arrays.stream(KernelCase.normal(3, n)).map(x -> x * x).toArray();
            var run = new KernelCase(ADAM_W, types(DType.F32, n))
                    .with(KernelCase.normal(1, n))
                    .with(KernelCase.normal(2, n))
                    .with(squares)
                    .with(KernelCase.normal(4, n))
                    .with(1e-3)
                    .with(0.1)
                    .with(1 / (1 - 0.9))
                    .with(1 / (1 - 0.95));
            double rate = run.operand(4)[0];
            var p = new double[n];
            var m = new double[n];
            var v = new double[n];
            for (int i = 0; i < n; i++) {
                double g = run.operand(3)[i];
                m[i] = 0.9 * run.operand(1)[i] + 0.1 * g;
                v[i] = 0.95 * run.operand(2)[i] + 0.05 * g * g;
                double direction = m[i] * run.operand(6)[0] / (Math.sqrt(v[i] * run.operand(7)[0]) + 1e-8);
                p[i] = run.operand(0)[i] * (1 - rate * run.operand(5)[0]) - rate * direction;
            }
            var apart = run.runAll(Map.of());
            KernelCase.assertClose(p, apart.get(0), 1e-6, 1e-7);
            KernelCase.assertClose(m, apart.get(1), 1e-6, 1e-7);
            KernelCase.assertClose(v, apart.get(2), 1e-6, 0);
            var inPlace = run.runAll(Map.of(0, 0, 1, 1, 2, 2));
            for (int i = 0; i < 3; i++) {
                assertArrayEquals(apart.get(i), inPlace.get(i));
            }
        }
    }

    @Test
    void bf16IsLeftToTheMeaning() {
        assertFalse(new KernelCase(ADAM_W, types(DType.BF16, 4)).isServed());
    }
}
