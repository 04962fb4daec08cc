package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.ReduceOp;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class ReductionsTest {
    private record Case(Shape shape, List<Integer> axes) {}

    private static Case of(List<Integer> axes, int... dims) {
        return new Case(Shape.of(dims), axes);
    }

    private static final List<Case> CASES = List.of(
            of(List.of(0), 1),
            of(List.of(0), Lanes.COUNT - 1),
            of(List.of(0), Lanes.COUNT),
            of(List.of(0), Lanes.COUNT + 1),
            of(List.of(0), 5 * Lanes.COUNT + 3),
            of(List.of(0), 40_009),
            of(List.of(0, 1), 200, 300),
            of(List.of(1), 7, 1),
            of(List.of(1), 301, 97),
            of(List.of(1), 3, 20_011),
            of(List.of(0), 97, 5),
            of(List.of(0), 1000, 16),
            of(List.of(0), 700, 257),
            of(List.of(0), 2, 20_011),
            of(List.of(0, 1), 30, 40, 50),
            of(List.of(1), 3, 41, 19),
            of(List.of(1), 3, 4000, 3),
            of(List.of(1, 2), 3, 5, 7, 11),
            of(List.of(0, 2), 50, 1, 40),
            of(List.of(), 3, 4));

    private static double combine(ReduceOp op, double a, double b) {
        return switch (op) {
            case SUM -> a + b;
            case MAX -> Math.max(a, b);
            case MIN -> Math.min(a, b);
        };
    }

    private static double ofNothing(ReduceOp op) {
        return switch (op) {
            case SUM -> 0;
            case MAX -> Double.NEGATIVE_INFINITY;
            case MIN -> Double.POSITIVE_INFINITY;
        };
    }

    private static double[] exact(ReduceOp op, Case it, double[] x) {
        var y = it.shape.without(it.axes);
        var result = new double[(int) y.size()];
        Arrays.fill(result, ofNothing(op));
        for (int i = 0; i < x.length; i++) {
            int rest = i;
            int at = 0;
            int stride = 1;
            for (int axis = it.shape.rank() - 1; axis >= 0; axis--) {
                if (!it.axes.contains(axis)) {
                    at += rest % it.shape.dim(axis) * stride;
                    stride *= it.shape.dim(axis);
                }
                rest /= it.shape.dim(axis);
            }
            result[at] = combine(op, result[at], x[i]);
        }
        return result;
    }

    @ParameterizedTest
    @EnumSource(ReduceOp.class)
    void reductionsAgreeWithDoublePrecision(ReduceOp op) {
        for (var it : CASES) {
            var run = new KernelCase(new Primitive.Reduce(op, it.axes), new TensorType(DType.F32, it.shape))
                    .with(KernelCase.normal(it.hashCode(), (int) it.shape.size()));
            KernelCase.assertClose(exact(op, it, run.operand(0)), run.run(), 1e-6, op == ReduceOp.SUM ? 1e-3 : 0);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ReduceOp.class,
            names = {"MAX", "MIN"})
    void extremaPropagateNanAndKeepInfinities(ReduceOp op) {
        for (var it : CASES) {
            var run = new KernelCase(new Primitive.Reduce(op, it.axes), new TensorType(DType.F32, it.shape))
                    .with(KernelCase.awkward(it.hashCode(), (int) it.shape.size()));
            assertArrayEquals(exact(op, it, run.operand(0)), run.run(), it.toString());
        }
    }

    @Test
    void sumsAreExactWhereEveryPartialSumIs() {
        for (var it : CASES) {
            var run = new KernelCase(new Primitive.Reduce(ReduceOp.SUM, it.axes), new TensorType(DType.F32, it.shape))
                    .with(KernelCase.integers(3, (int) it.shape.size(), -100, 100));
            assertArrayEquals(exact(ReduceOp.SUM, it, run.operand(0)), run.run(), it.toString());
        }
    }

    @ParameterizedTest
    @EnumSource(ReduceOp.class)
    void integersAreReducedExactly(ReduceOp op) {
        for (var it : CASES) {
            var run = new KernelCase(new Primitive.Reduce(op, it.axes), new TensorType(DType.I32, it.shape))
                    .with(KernelCase.integers(3, (int) it.shape.size(), -1000, 1000));
            if (run.isServed()) {
                assertArrayEquals(exact(op, it, run.operand(0)), run.run(), it.toString());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(ReduceOp.class)
    void nothingReducesToTheNeutralElement(ReduceOp op) {
        var run = new KernelCase(new Primitive.Reduce(op, List.of(1)), TensorType.f32(3, 0, 2)).with();
        var expected = new double[6];
        Arrays.fill(expected, ofNothing(op));
        assertArrayEquals(expected, run.run());
        var empty = new KernelCase(new Primitive.Reduce(op, List.of(0)), TensorType.f32(3, 0)).with();
        assertArrayEquals(new double[0], empty.run());
    }

    @Test
    void axesThatAreNotNeighboursAreLeftToTheReferenceKernels() {
        var prim = new Primitive.Reduce(ReduceOp.SUM, List.of(0, 2));
        assertFalse(new KernelCase(prim, TensorType.f32(3, 4, 5)).isServed());
    }
}
