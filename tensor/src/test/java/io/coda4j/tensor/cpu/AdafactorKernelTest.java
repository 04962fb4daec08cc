package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The kernel against the formulas, one matrix after the other in double precision. */
final class AdafactorKernelTest {
    private static final double EPS = 1e-30;
    private static final double RATE = 0.03;
    private static final double DECAY = 0.1;
    private static final double RHO = 0.75;

    /** Shapes around a vector, a block of rows and a block of columns; the largest has several of each. */
    private static final List<Shape> SHAPES = List.of(
            Shape.of(1, 1),
            Shape.of(3, Lanes.COUNT - 1),
            Shape.of(Lanes.COUNT + 1, 2 * Lanes.COUNT + 3),
            Shape.of(700, 97),
            Shape.of(5, 2500),
            Shape.of(17_001, 3),
            Shape.of(3, 50, 41),
            Shape.of(2, 3, 9, 1030));

    private static TensorType[] types(DType dtype, Shape shape) {
        int rank = shape.rank();
        var p = new TensorType(dtype, shape);
        var types = new TensorType[8];
        Arrays.fill(types, TensorType.of(dtype));
        types[0] = p;
        types[1] = p.with(shape.without(List.of(rank - 1)));
        types[2] = p.with(shape.without(List.of(rank - 2)));
        types[3] = p;
        return types;
    }

    private static double[] positive(long seed, long n) {
        return Arrays.stream(KernelCase.normal(seed, (int) n))
                .map(x -> x * x + 1e-3)
                .toArray();
    }

    private static KernelCase example(Primitive.Adafactor prim, Shape shape) {
        var types = types(DType.F32, shape);
        return new KernelCase(prim, types)
                .with(KernelCase.normal(1, (int) shape.size()))
                .with(positive(2, types[1].size()))
                .with(positive(3, types[2].size()))
                .with(KernelCase.normal(4, (int) shape.size()))
                .with(RATE)
                .with(DECAY)
                .with(RHO)
                .with(1 - RHO);
    }

    /** Both with updates that are clipped and with updates that are not. */
    @ParameterizedTest
    @ValueSource(doubles = {0.3, 1e3})
    void oneStepFollowsTheFormulas(double clipThreshold) {
        for (var shape : SHAPES) {
            for (boolean isStack : shape.rank() == 2 ? new boolean[] {false} : new boolean[] {false, true}) {
                var run = example(new Primitive.Adafactor(EPS, clipThreshold, true, isStack), shape);
                var expected = expected(run, shape, isStack ? shape.dim(0) : 1, clipThreshold);
                var apart = run.runAll(Map.of());
                KernelCase.assertClose(expected.get(0), apart.get(0), 2e-6, 1e-6);
                KernelCase.assertClose(expected.get(1), apart.get(1), 2e-6, 0);
                KernelCase.assertClose(expected.get(2), apart.get(2), 2e-6, 0);
                var inPlace = run.runAll(Map.of(0, 0, 1, 1, 2, 2));
                for (int i = 0; i < 3; i++) {
                    assertArrayEquals(apart.get(i), inPlace.get(i));
                }
            }
        }
    }

    private static List<double[]> expected(KernelCase run, Shape shape, int groups, double clipThreshold) {
        int rows = shape.dim(-2);
        int columns = shape.dim(-1);
        int matrices = (int) (shape.size() / rows / columns);
        double rho = run.operand(6)[0];
        double fresh = run.operand(7)[0];
        var g = run.operand(3);
        var newRows = run.operand(1).clone();
        var newColumns = run.operand(2).clone();
        Arrays.setAll(newRows, i -> newRows[i] * rho + fresh * EPS);
        Arrays.setAll(newColumns, i -> newColumns[i] * rho + fresh * EPS);
        for (int i = 0; i < g.length; i++) {
            int row = i / columns;
            newRows[row] += fresh * g[i] * g[i] / columns;
            newColumns[row / rows * columns + i % columns] += fresh * g[i] * g[i] / rows;
        }
        var means = new double[matrices];
        Arrays.setAll(
                means,
                matrix -> Arrays.stream(newRows, matrix * rows, (matrix + 1) * rows)
                        .average()
                        .orElseThrow());
        var update = new double[g.length];
        var squares = new double[groups];
        for (int i = 0; i < g.length; i++) {
            int row = i / columns;
            int matrix = row / rows;
            double moment = newRows[row] * newColumns[matrix * columns + i % columns] / means[matrix];
            update[i] = g[i] / Math.sqrt(moment);
            squares[matrix * groups / matrices] += update[i] * update[i];
        }
        double rate = run.operand(4)[0];
        double decay = run.operand(5)[0];
        var p = run.operand(0).clone();
        for (int i = 0; i < p.length; i++) {
            double rms = Math.sqrt(squares[i / columns / rows * groups / matrices] * groups / p.length);
            p[i] -= rate * decay * p[i] + rate * update[i] / Math.max(1, rms / clipThreshold);
        }
        return List.of(p, newRows, newColumns);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void othersAreLeftToTheMeaning(boolean isStack) {
        var prim = new Primitive.Adafactor(EPS, 1, true, isStack);
        assertFalse(new KernelCase(prim, types(DType.BF16, Shape.of(2, 4, 4))).isServed());
        assertFalse(new KernelCase(prim, types(DType.F32, Shape.of(2, 0, 4))).isServed());
        var vector = TensorType.f32(4);
        var scalar = TensorType.f32();
        var factorless = new Primitive.Adafactor(EPS, 1, false, isStack);
        assertFalse(new KernelCase(factorless, vector, vector, vector, scalar, scalar, scalar, scalar).isServed());
    }
}
