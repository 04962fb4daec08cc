package io.coda4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.coda4j.tensor.Primitive.BinaryOp;
import io.coda4j.tensor.Primitive.CompareOp;
import io.coda4j.tensor.Primitive.ReduceOp;
import io.coda4j.tensor.Primitive.UnaryOp;
import io.coda4j.tensor.testing.OpTable;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Every core primitive on values that were worked out by hand: this checks the reference that checks the rest. */
class PrimitiveMeaningTest {
    private static final double NAN = Double.NaN;
    private static final double INF = Double.POSITIVE_INFINITY;

    private static double[] apply(Primitive prim, Tensor... in) {
        return ((Array) new Eager(OpTable.reference()).apply(prim, List.of(in)).getFirst()).toDoubles();
    }

    private static Array f32(double... values) {
        return Array.of(TensorType.f32(values.length), values);
    }

    private static Array i32(int... values) {
        return Array.of(Shape.of(values.length), values);
    }

    private static Array bools(double... values) {
        return Array.of(TensorType.of(DType.BOOL, values.length), values);
    }

    private static Array matrix(int rows, int columns, double... values) {
        return Array.of(TensorType.f32(rows, columns), values);
    }

    private static void check(double[] got, double... expected) {
        assertArrayEquals(expected, got);
    }

    @Test
    void fullAndIota() {
        check(apply(new Primitive.Full(TensorType.f32(2), 0.1)), 0.1f, 0.1f);
        check(apply(new Primitive.Full(TensorType.i32(1), -7)), -7);
        check(apply(new Primitive.Iota(TensorType.i32(2, 3), 0)), 0, 0, 0, 1, 1, 1);
        check(apply(new Primitive.Iota(TensorType.f32(2, 3), 1)), 0, 1, 2, 0, 1, 2);
        // 257 is a tie between 256 and 258, of which 256 is even in BF16.
        assertEquals(256, apply(new Primitive.Iota(TensorType.of(DType.BF16, 300), 0))[257]);
    }

    @ParameterizedTest
    @EnumSource
    void unary(UnaryOp op) {
        var prim = new Primitive.Unary(op);
        switch (op) {
            case NEG -> {
                check(apply(prim, f32(1, 0.0, -INF)), -1, -0.0, INF);
                check(apply(prim, i32(5, Integer.MIN_VALUE)), -5, Integer.MIN_VALUE);
            }
            case EXP -> check(apply(prim, f32(0, 1, -INF, 1000, NAN)), 1, (float) Math.E, 0, INF, NAN);
            case LOG -> check(apply(prim, f32(1, 0, -1, INF)), 0, -INF, NAN, INF);
            case SQRT -> check(apply(prim, f32(4, 2, -1, -0.0)), 2, (float) Math.sqrt(2), NAN, -0.0);
            case RSQRT -> check(apply(prim, f32(4, 0, INF, -1)), 0.5, INF, 0, NAN);
            case LOGISTIC -> check(apply(prim, f32(0, INF, -INF, 1000, -1000)), 0.5, 1, 0, 1, 0);
            case SIN -> check(apply(prim, f32(0, 1, INF)), 0, (float) Math.sin(1), NAN);
            case COS -> check(apply(prim, f32(0, 1, NAN)), 1, (float) Math.cos(1), NAN);
            case ROUND ->
                check(
                        apply(prim, f32(0.5, 1.5, -2.5, -0.3, 0x1p23 + 1, NAN, INF)),
                        0,
                        2,
                        -2,
                        -0.0,
                        0x1p23 + 1,
                        NAN,
                        INF);
            case NOT -> check(apply(prim, bools(0, 1)), 1, 0);
        }
    }

    @ParameterizedTest
    @EnumSource
    void binary(BinaryOp op) {
        var prim = new Primitive.Binary(op);
        int max = Integer.MAX_VALUE;
        int min = Integer.MIN_VALUE;
        switch (op) {
            case ADD -> {
                check(apply(prim, f32(1, INF, 0x1p24), f32(2, -INF, 1)), 3, NAN, 0x1p24);
                check(apply(prim, i32(1, max), i32(2, 1)), 3, min);
            }
            case SUB -> {
                check(apply(prim, f32(1, INF), f32(3, INF)), -2, NAN);
                check(apply(prim, i32(1, min), i32(3, 1)), -2, max);
            }
            case MUL -> {
                check(apply(prim, f32(3, 0, 3e38), f32(-2, INF, 2)), -6, NAN, INF);
                // Past 2^53 a product of doubles would have lost its low bits.
                check(apply(prim, i32(max, 46341), i32(max, 46341)), 1, -2147479015);
            }
            case DIV -> {
                check(apply(prim, f32(1, 1, 0, -1), f32(4, 0, 0, 0)), 0.25, INF, NAN, -INF);
                check(apply(prim, i32(7, -7, 5, min), i32(2, 2, 0, -1)), 3, -3, -1, min);
            }
            case MAX -> {
                check(apply(prim, f32(1, NAN, 1, -0.0), f32(2, 1, NAN, 0.0)), 2, NAN, NAN, 0.0);
                check(apply(prim, i32(1, min), i32(-1, max)), 1, max);
            }
            case MIN -> {
                check(apply(prim, f32(1, NAN, 1, 0.0), f32(2, 1, NAN, -0.0)), 1, NAN, NAN, -0.0);
                check(apply(prim, i32(1, min), i32(-1, max)), -1, min);
            }
            case AND -> check(apply(prim, bools(0, 0, 1, 1), bools(0, 1, 0, 1)), 0, 0, 0, 1);
            case OR -> check(apply(prim, bools(0, 0, 1, 1), bools(0, 1, 0, 1)), 0, 1, 1, 1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void compare(CompareOp op) {
        var a = f32(1, 2, 2, NAN, NAN, -0.0);
        var b = f32(2, 2, 1, 1, NAN, 0.0);
        var expected = switch (op) {
            case EQ -> new double[] {0, 1, 0, 0, 0, 1};
            case NE -> new double[] {1, 0, 1, 1, 1, 0};
            case LT -> new double[] {1, 0, 0, 0, 0, 0};
            case LE -> new double[] {1, 1, 0, 0, 0, 1};
            case GT -> new double[] {0, 0, 1, 0, 0, 0};
            case GE -> new double[] {0, 1, 1, 0, 0, 1};
        };
        check(apply(new Primitive.Compare(op), a, b), expected);
        check(
                apply(new Primitive.Compare(op), i32(16777216), i32(16777217)),
                op == CompareOp.NE || op == CompareOp.LT || op == CompareOp.LE ? 1 : 0);
    }

    @Test
    void select() {
        check(apply(new Primitive.Select(), bools(1, 0), f32(1, NAN), f32(NAN, 4)), 1, 4);
    }

    @ParameterizedTest
    @EnumSource
    void convert(DType to) {
        var prim = new Primitive.Convert(to);
        var real = f32(2.7, -2.7, 3e9, -3e9, NAN, 1 + 0x1p-8, 0.0);
        var got = apply(prim, real);
        switch (to) {
            case BOOL -> check(got, 1, 1, 1, 1, 1, 1, 0);
            case I8 -> check(got, 2, -2, 127, -128, 0, 1, 0);
            case I32 -> check(got, 2, -2, Integer.MAX_VALUE, Integer.MIN_VALUE, 0, 1, 0);
            case BF16 -> check(got, 2.703125, -2.703125, 179 * 0x1p24, -179 * 0x1p24, NAN, 1, 0);
            case F32, F64 -> check(got, real.toDoubles());
        }
        check(apply(prim, bools(0, 1)), 0, 1);
        check(apply(new Primitive.Convert(DType.F32), i32(16777217)), 16777216);
    }

    @Test
    void movement() {
        var x = matrix(2, 3, 1, 2, 3, 4, 5, 6);
        check(apply(new Primitive.Reshape(Shape.of(3, 2)), x), 1, 2, 3, 4, 5, 6);
        check(apply(new Primitive.Transpose(List.of(1, 0)), x), 1, 4, 2, 5, 3, 6);
        var cube = Array.of(TensorType.f32(2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8);
        // Result axis 0 is operand axis 2, and so on: y[i,j,k] = x[j,k,i].
        check(apply(new Primitive.Transpose(List.of(2, 0, 1)), cube), 1, 3, 5, 7, 2, 4, 6, 8);
        check(apply(new Primitive.Broadcast(Shape.of(2, 2), List.of(0)), f32(1, 2)), 1, 1, 2, 2);
        check(apply(new Primitive.Broadcast(Shape.of(2, 2), List.of(1)), f32(1, 2)), 1, 2, 1, 2);
        check(apply(new Primitive.Broadcast(Shape.of(2, 2), List.of(0, 1)), matrix(2, 1, 1, 2)), 1, 1, 2, 2);
        check(apply(new Primitive.Slice(List.of(0, 1), List.of(2, 3)), x), 2, 3, 5, 6);
        check(apply(new Primitive.Pad(List.of(1), List.of(2)), f32(5, 6)), 0, 5, 6, 0, 0);
        check(apply(new Primitive.Pad(List.of(0, 1), List.of(1, 0)), matrix(1, 2, 5, 6)), 0, 5, 6, 0, 0, 0);
        check(apply(new Primitive.Concat(1), x, matrix(2, 1, 7, 8)), 1, 2, 3, 7, 4, 5, 6, 8);
        check(apply(new Primitive.Concat(0), f32(1), f32(2, 3)), 1, 2, 3);
    }

    @ParameterizedTest
    @EnumSource
    void reduce(ReduceOp op) {
        var x = matrix(2, 3, 1, 5, 3, 4, -2, 6);
        var rows = apply(new Primitive.Reduce(op, List.of(1)), x);
        var columns = apply(new Primitive.Reduce(op, List.of(0)), x);
        var ofNothing = apply(new Primitive.Reduce(op, List.of(0)), f32());
        var ofNoInts = apply(new Primitive.Reduce(op, List.of(0)), i32());
        var withNan = apply(new Primitive.Reduce(op, List.of(0)), f32(1, NAN, 2));
        check(withNan, NAN);
        switch (op) {
            case SUM -> {
                check(rows, 9, 8);
                check(columns, 5, 3, 9);
                check(ofNothing, 0);
                check(ofNoInts, 0);
                check(apply(new Primitive.Reduce(op, List.of(0)), i32(Integer.MAX_VALUE, 1)), Integer.MIN_VALUE);
                // In F32 alone each 1 would be lost.
                check(apply(new Primitive.Reduce(op, List.of(0)), f32(0x1p24, 1, 1)), 0x1p24 + 2);
            }
            case MAX -> {
                check(rows, 5, 6);
                check(columns, 4, 5, 6);
                check(ofNothing, -INF);
                check(ofNoInts, Integer.MIN_VALUE);
            }
            case MIN -> {
                check(rows, 1, -2);
                check(columns, 1, -2, 3);
                check(ofNothing, INF);
                check(ofNoInts, Integer.MAX_VALUE);
            }
        }
        check(apply(new Primitive.Reduce(op, List.of()), x), x.toDoubles());
    }

    @Test
    void dot() {
        var none = List.<Integer>of();
        var a = matrix(2, 3, 1, 2, 3, 4, 5, 6);
        var b = matrix(3, 2, 1, 0, 0, 1, 1, 1);
        check(apply(new Primitive.Dot(none, none, List.of(1), List.of(0), DType.F32), a, b), 4, 5, 10, 11);
        check(
                apply(new Primitive.Dot(none, none, List.of(0), List.of(1), DType.F32), a, matrix(1, 2, 1, 10)),
                41,
                52,
                63);
        check(apply(new Primitive.Dot(List.of(0), List.of(0), List.of(1), List.of(1), DType.F32), a, a), 14, 77);
        check(apply(new Primitive.Dot(none, none, none, none, DType.F32), f32(1, 2), f32(3, 4)), 3, 4, 6, 8);
        var half = Array.of(TensorType.of(DType.BF16, 2), 1, 0x1p-9);
        // The sum of BF16 products is an F32.
        check(apply(new Primitive.Dot(none, none, List.of(0), List.of(0), DType.F32), half, half), 1 + 0x1p-18);
    }

    @Test
    void rows() {
        var table = matrix(3, 2, 1, 2, 3, 4, 5, 6);
        check(apply(new Primitive.TakeRows(), table, i32(2, 0, 2)), 5, 6, 1, 2, 5, 6);
        check(apply(new Primitive.TakeRows(), table, Array.scalar(1)), 3, 4);
        check(apply(new Primitive.ScatterAddRows(3), i32(2, 0, 2), table), 3, 4, 0, 0, 6, 8);
        var error = assertThrows(DeviceException.class, () -> apply(new Primitive.TakeRows(), table, i32(0, 3)));
        assertEquals("takeRows: id 3 at position 1 of ids i32[2] is outside the table's rows 0..2", error.getMessage());
    }

    @Test
    void dynamicSlices() {
        var x = f32(1, 2, 3, 4);
        for (int[] startAndFirst : new int[][] {{1, 1}, {-5, 0}, {9, 2}}) {
            int first = startAndFirst[1];
            var start = Array.scalar(startAndFirst[0]);
            check(apply(new Primitive.DynamicSlice(0, 2), x, start), first + 1, first + 2);
            var expected = x.toDoubles();
            expected[first] = 8;
            expected[first + 1] = 9;
            check(apply(new Primitive.DynamicUpdateSlice(0), x, f32(8, 9), start), expected);
        }
        check(
                apply(
                        new Primitive.DynamicUpdateSlice(1),
                        matrix(2, 2, 1, 2, 3, 4),
                        matrix(2, 1, 7, 8),
                        Array.scalar(1)),
                1,
                7,
                3,
                8);
    }

    @Test
    void annotate() {
        check(apply(new Primitive.Annotate(new Primitive.Note.Barrier()), f32(1, NAN)), 1, NAN);
    }
}
