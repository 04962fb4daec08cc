package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

final class MovementTest {
    private static double[] content(TensorType type) {
        return KernelCase.integers(type.hashCode(), (int) type.size(), 0, 200);
    }

    /** The result in which each index holds the element of x at the index that {@code source} gives. */
    private static double[] gather(Shape y, Shape x, double[] values, Function<int[], int[]> source) {
        var result = new double[(int) y.size()];
        for (int i = 0; i < result.length; i++) {
            result[i] = values[number(source.apply(index(i, y)), x)];
        }
        return result;
    }

    private static int[] index(int number, Shape shape) {
        int[] index = new int[shape.rank()];
        for (int axis = index.length - 1; axis >= 0; axis--) {
            index[axis] = number % shape.dim(axis);
            number /= shape.dim(axis);
        }
        return index;
    }

    private static int number(int[] index, Shape shape) {
        int number = 0;
        for (int axis = 0; axis < index.length; axis++) {
            number = number * shape.dim(axis) + index[axis];
        }
        return number;
    }

    private static void transposes(DType dtype, Shape shape, Integer... permutation) {
        var type = new TensorType(dtype, shape);
        var prim = new Primitive.Transpose(List.of(permutation));
        var y = prim.infer(List.of(type)).getFirst().shape();
        var run = new KernelCase(prim, type).with(content(type));
        var expected = gather(y, shape, run.operand(0), at -> {
            int[] source = new int[at.length];
            for (int i = 0; i < at.length; i++) {
                source[permutation[i]] = at[i];
            }
            return source;
        });
        assertArrayEquals(expected, run.run(), prim + " of " + type);
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void transposePermutesAxes(DType dtype) {
        transposes(dtype, Shape.of(0, 3), 1, 0);
        transposes(dtype, Shape.of(1, 5), 1, 0);
        transposes(dtype, Shape.of(31, 33), 1, 0);
        transposes(dtype, Shape.of(257, 130), 1, 0);
        transposes(dtype, Shape.of(2, 37, 5, 16), 0, 2, 1, 3);
        transposes(dtype, Shape.of(2, 37, 5, 16), 0, 2, 3, 1);
        transposes(dtype, Shape.of(3, 4, 5, 2), 3, 1, 0, 2);
        transposes(dtype, Shape.of(3, 1, 5, 1), 3, 2, 1, 0);
        transposes(dtype, Shape.of(70, 1, 50, 9), 1, 3, 0, 2);
        transposes(dtype, Shape.of(), new Integer[0]);
    }

    private static void broadcasts(DType dtype, Shape from, Shape to, Integer... axes) {
        var type = new TensorType(dtype, from);
        var prim = new Primitive.Broadcast(to, List.of(axes));
        var run = new KernelCase(prim, type).with(content(type));
        var expected = gather(to, from, run.operand(0), at -> {
            int[] source = new int[axes.length];
            for (int i = 0; i < axes.length; i++) {
                source[i] = from.dim(i) == 1 ? 0 : at[axes[i]];
            }
            return source;
        });
        assertArrayEquals(expected, run.run(), prim + " of " + type);
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void broadcastRepeatsNewAndUnitAxes(DType dtype) {
        broadcasts(dtype, Shape.of(), Shape.of(40_009));
        broadcasts(dtype, Shape.of(), Shape.of());
        broadcasts(dtype, Shape.of(7), Shape.of(5, 7), 1);
        broadcasts(dtype, Shape.of(7), Shape.of(7, 5), 0);
        broadcasts(dtype, Shape.of(7), Shape.of(7, 1003), 0);
        broadcasts(dtype, Shape.of(3, 1, 4), Shape.of(3, 9, 4), 0, 1, 2);
        broadcasts(dtype, Shape.of(3, 4), Shape.of(2, 3, 5, 4), 1, 3);
        broadcasts(dtype, Shape.of(2, 3), Shape.of(2, 6, 3, 7), 0, 2);
        broadcasts(dtype, Shape.of(3, 20_011), Shape.of(2, 3, 20_011), 1, 2);
        broadcasts(dtype, Shape.of(0), Shape.of(4, 0), 1);
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void sliceTakesABox(DType dtype) {
        var type = TensorType.of(dtype, 6, 50, 130);
        var prim = new Primitive.Slice(List.of(1, 0, 3), List.of(5, 50, 128));
        var run = new KernelCase(prim, type).with(content(type));
        var expected = gather(
                Shape.of(4, 50, 125), type.shape(), run.operand(0), at -> new int[] {at[0] + 1, at[1], at[2] + 3});
        assertArrayEquals(expected, run.run());
        var nothing = new Primitive.Slice(List.of(2, 0, 0), List.of(2, 50, 130));
        assertArrayEquals(
                new double[0], new KernelCase(nothing, type).with(content(type)).run());
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void padSurroundsWithZeros(DType dtype) {
        var type = TensorType.of(dtype, 3, 5, 7);
        var run = new KernelCase(new Primitive.Pad(List.of(1, 0, 2), List.of(0, 3, 4)), type).with(content(type));
        var y = Shape.of(4, 8, 13);
        var expected = new double[(int) y.size()];
        for (int i = 0; i < type.size(); i++) {
            int[] at = index(i, type.shape());
            expected[number(new int[] {at[0] + 1, at[1], at[2] + 2}, y)] = run.operand(0)[i];
        }
        assertArrayEquals(expected, run.run());
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void concatPutsOperandsOneAfterTheOther(DType dtype) {
        for (int axis = 0; axis < 3; axis++) {
            var shape = Shape.of(4, 5, 6);
            var a = new TensorType(dtype, shape.with(axis, 3));
            var b = new TensorType(dtype, shape.with(axis, 0));
            var c = new TensorType(dtype, shape.with(axis, 2));
            var run = new KernelCase(new Primitive.Concat(axis), a, b, c)
                    .with(content(a))
                    .with(content(b))
                    .with(content(c));
            var y = shape.with(axis, 5);
            var expected = new double[(int) y.size()];
            for (int i = 0; i < expected.length; i++) {
                int[] at = index(i, y);
                boolean first = at[axis] < 3;
                at[axis] -= first ? 0 : 3;
                expected[i] = run.operand(first ? 0 : 2)[number(at, first ? a.shape() : c.shape())];
            }
            assertArrayEquals(expected, run.run());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {Integer.MIN_VALUE, -1, 0, 1, 4, 5, Integer.MAX_VALUE})
    void dynamicSlicesClampTheirStart(int start) {
        int clamped = Math.clamp(start, 0, 4);
        var type = TensorType.f32(2, 7, 300);
        var slice = new KernelCase(new Primitive.DynamicSlice(1, 3), type, TensorType.i32())
                .with(content(type))
                .with(start);
        var box = Shape.of(2, 3, 300);
        var expected = gather(box, type.shape(), slice.operand(0), at -> new int[] {at[0], at[1] + clamped, at[2]});
        assertArrayEquals(expected, slice.run());

        var part = new TensorType(DType.F32, box);
        var update = new KernelCase(new Primitive.DynamicUpdateSlice(1), type, part, TensorType.i32())
                .with(content(type))
                .with(content(part))
                .with(start);
        var updated = update.operand(0).clone();
        for (int i = 0; i < part.size(); i++) {
            int[] at = index(i, box);
            updated[number(new int[] {at[0], at[1] + clamped, at[2]}, type.shape())] = update.operand(1)[i];
        }
        assertArrayEquals(updated, update.run());
        assertArrayEquals(updated, update.runAll(Map.of(0, 0)).getFirst());
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void fullRepeatsOneValue(DType dtype) {
        for (int n : KernelCase.SIZES) {
            double value = dtype == DType.BOOL ? 1 : -3;
            var expected = new double[n];
            Arrays.fill(expected, value);
            assertArrayEquals(expected, new KernelCase(new Primitive.Full(TensorType.of(dtype, n), value)).run());
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"BOOL", "I8"})
    void iotaCountsAlongItsAxis(DType dtype) {
        for (var shape :
                List.of(Shape.of(0, 3), Shape.of(1), Shape.of(100), Shape.of(5, 37, 19), Shape.of(2, 2, 9000))) {
            for (int axis = 0; axis < shape.rank(); axis++) {
                int counted = axis;
                var expected = new double[(int) shape.size()];
                Arrays.setAll(expected, i -> index(i, shape)[counted]);
                var prim = new Primitive.Iota(new TensorType(dtype, shape), axis);
                var rounded = expected.length == 0
                        ? expected
                        : new KernelCase(new Primitive.Convert(dtype), new TensorType(dtype, shape))
                                .with(expected)
                                .operand(0);
                assertArrayEquals(rounded, new KernelCase(prim).run(), prim.toString());
            }
        }
    }

    @Test
    void reshapeAndAnnotateKeepTheElements() {
        var type = TensorType.f32(300, 200);
        var values = KernelCase.awkward(1, 60_000);
        var reshape = new KernelCase(new Primitive.Reshape(Shape.of(200, 300)), type).with(values);
        assertArrayEquals(reshape.operand(0), reshape.run());
        var barrier = new KernelCase(new Primitive.Annotate(new Primitive.Note.Barrier()), type, TensorType.i32(2))
                .with(values)
                .with(4, 5);
        var results = barrier.runAll(Map.of());
        assertArrayEquals(barrier.operand(0), results.get(0));
        assertArrayEquals(new double[] {4, 5}, results.get(1));
    }
}
