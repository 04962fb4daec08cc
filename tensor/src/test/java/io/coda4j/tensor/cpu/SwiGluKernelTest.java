package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class SwiGluKernelTest {
    private static double logistic(double x) {
        return 1 / (1 + Math.exp(-x));
    }

    private static double precision(DType dtype) {
        return dtype == DType.F32 ? 1e-6 : 0x1.02p-8;
    }

    @Test
    void gateIsMultipliedByItsLogisticAndUp() {
        for (var dtype : List.of(DType.F32, DType.BF16)) {
            for (int n : KernelCase.SIZES) {
                var type = TensorType.of(dtype, n);
                var run = new KernelCase(new Primitive.SwiGlu(), type, type)
                        .with(wide(n))
                        .with(KernelCase.normal(n + 1, n));
                var x = run.operand(0);
                var up = run.operand(1);
                var expected = new double[n];
                Arrays.setAll(expected, i -> x[i] * logistic(x[i]) * up[i]);
                for (Map<Integer, Integer> inPlace : List.of(Map.<Integer, Integer>of(), Map.of(0, 0), Map.of(0, 1))) {
                    KernelCase.assertClose(expected, run.runAll(inPlace).getFirst(), precision(dtype), 1e-36);
                }
            }
        }
    }

    @Test
    void gradientsAgreeWithDoublePrecision() {
        for (var dtype : List.of(DType.F32, DType.BF16)) {
            for (int n : KernelCase.SIZES) {
                var type = TensorType.of(dtype, n);
                var run = new KernelCase(new Primitive.SwiGluGrad(), type, type, type)
                        .with(wide(n))
                        .with(KernelCase.normal(n + 1, n))
                        .with(KernelCase.normal(n + 2, n));
                var x = run.operand(0);
                var up = run.operand(1);
                var g = run.operand(2);
                var dgate = new double[n];
                var dup = new double[n];
                for (int i = 0; i < n; i++) {
                    double s = logistic(x[i]);
                    dgate[i] = g[i] * up[i] * (s + x[i] * s * (1 - s));
                    dup[i] = g[i] * x[i] * s;
                }
                for (Map<Integer, Integer> inPlace : List.of(Map.<Integer, Integer>of(), Map.of(0, 0, 1, 1))) {
                    var actual = run.runAll(inPlace);
                    // The slope is a difference: near its zero at x = -1.28 only its absolute error is small.
                    KernelCase.assertClose(dgate, actual.get(0), precision(dtype), 1e-5);
                    KernelCase.assertClose(dup, actual.get(1), precision(dtype), 1e-36);
                }
            }
        }
    }

    /** Gates from -80 to 80 and some far away, where one factor vanishes. */
    private static double[] wide(int n) {
        var x = KernelCase.normal(n, n);
        for (int i = 0; i < n; i++) {
            x[i] *= i % 3 == 0 ? 1 : 20;
            x[i] = Math.clamp(x[i], -80, 80);
        }
        return x;
    }
}
