package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.BinaryOp;
import io.coda4j.tensor.Primitive.CompareOp;
import io.coda4j.tensor.Primitive.UnaryOp;
import io.coda4j.tensor.TensorType;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class ElementwiseTest {
    private static final double BF16_ULP = 0x1p-8;

    private static double exact(UnaryOp op, double x) {
        return switch (op) {
            case NEG -> -x;
            case EXP -> Math.exp(x);
            case LOG -> Math.log(x);
            case SQRT -> Math.sqrt(x);
            case RSQRT -> 1 / Math.sqrt(x);
            case LOGISTIC -> 1 / (1 + Math.exp(-x));
            case SIN -> Math.sin(x);
            case COS -> Math.cos(x);
            case ROUND -> Math.rint(x);
            case NOT -> x == 0 ? 1 : 0;
        };
    }

    private static double exact(BinaryOp op, double a, double b) {
        return switch (op) {
            case ADD -> a + b;
            case SUB -> a - b;
            case MUL -> a * b;
            case DIV -> a / b;
            case MAX -> Math.max(a, b);
            case MIN -> Math.min(a, b);
            case AND -> a != 0 && b != 0 ? 1 : 0;
            case OR -> a != 0 || b != 0 ? 1 : 0;
        };
    }

    private static double exact(CompareOp op, double a, double b) {
        boolean holds = switch (op) {
            case EQ -> a == b;
            case NE -> a != b;
            case LT -> a < b;
            case LE -> a <= b;
            case GT -> a > b;
            case GE -> a >= b;
        };
        return holds ? 1 : 0;
    }

    @ParameterizedTest
    @EnumSource(value = UnaryOp.class, mode = EnumSource.Mode.EXCLUDE, names = "NOT")
    void unaryAgreesWithDoublePrecision(UnaryOp op) {
        for (int n : KernelCase.SIZES) {
            var run = new KernelCase(new Primitive.Unary(op), TensorType.f32(n)).with(KernelCase.awkward(n, n));
            var expected =
                    Arrays.stream(run.operand(0)).map(x -> (float) exact(op, x)).toArray();
            KernelCase.assertClose(expected, run.run(), 0x1p-22, Float.MIN_NORMAL);
            KernelCase.assertClose(expected, run.runAll(Map.of(0, 0)).getFirst(), 0x1p-22, Float.MIN_NORMAL);
        }
    }

    @ParameterizedTest
    @EnumSource(value = UnaryOp.class, mode = EnumSource.Mode.EXCLUDE, names = "NOT")
    void unaryOfBf16IsRoundedOnce(UnaryOp op) {
        for (int n : KernelCase.SIZES) {
            var type = TensorType.of(DType.BF16, n);
            var run = new KernelCase(new Primitive.Unary(op), type).with(KernelCase.awkward(n, n));
            var expected = new KernelCase(new Primitive.Convert(DType.BF16), TensorType.f32(n))
                    .with(Arrays.stream(run.operand(0)).map(x -> exact(op, x)).toArray())
                    .run();
            KernelCase.assertClose(expected, run.run(), BF16_ULP, Float.MIN_NORMAL);
            KernelCase.assertClose(expected, run.runAll(Map.of(0, 0)).getFirst(), BF16_ULP, Float.MIN_NORMAL);
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = BinaryOp.class,
            mode = EnumSource.Mode.EXCLUDE,
            names = {"AND", "OR"})
    void binaryIsCorrectlyRounded(BinaryOp op) {
        for (var dtype : List.of(DType.F32, DType.BF16)) {
            for (int n : KernelCase.SIZES) {
                var type = TensorType.of(dtype, n);
                var run = new KernelCase(new Primitive.Binary(op), type, type)
                        .with(KernelCase.awkward(n, n))
                        .with(KernelCase.awkward(n + 1, n));
                var expected = new double[n];
                Arrays.setAll(expected, i -> exact(op, run.operand(0)[i], run.operand(1)[i]));
                var rounded = dtype == DType.BF16 ? roundTrip(expected) : floats(expected);
                assertArrayEquals(rounded, run.run());
                assertArrayEquals(rounded, run.runAll(Map.of(0, 0)).getFirst());
                assertArrayEquals(rounded, run.runAll(Map.of(0, 1)).getFirst());
            }
        }
    }

    private static double[] floats(double[] values) {
        return Arrays.stream(values).map(x -> (float) x).toArray();
    }

    private static double[] roundTrip(double[] values) {
        return new KernelCase(new Primitive.Unary(UnaryOp.NEG), TensorType.of(DType.BF16, values.length))
                .with(values)
                .operand(0);
    }

    @ParameterizedTest
    @EnumSource(
            value = BinaryOp.class,
            names = {"ADD", "SUB", "MUL", "MAX", "MIN"})
    void binaryOfIntegersWrapsAround(BinaryOp op) {
        for (int n : KernelCase.SIZES) {
            var type = TensorType.i32(n);
            var run = new KernelCase(new Primitive.Binary(op), type, type)
                    .with(KernelCase.integers(n, n, Integer.MIN_VALUE, Integer.MAX_VALUE))
                    .with(KernelCase.integers(n + 1, n, -40_000, 40_000));
            var expected = new double[n];
            Arrays.setAll(expected, i -> {
                long a = (long) run.operand(0)[i];
                long b = (long) run.operand(1)[i];
                return switch (op) {
                    case ADD -> (int) (a + b);
                    case SUB -> (int) (a - b);
                    case MUL -> (int) (a * b);
                    case MAX -> Math.max(a, b);
                    case MIN -> Math.min(a, b);
                    case DIV, AND, OR -> throw new AssertionError(op);
                };
            });
            assertArrayEquals(expected, run.run());
            assertArrayEquals(expected, run.runAll(Map.of(0, 1)).getFirst());
        }
    }

    @Test
    void zerosOfBothSignsAreOrderedByMaxAndMin() {
        var type = TensorType.f32(2);
        var max = new KernelCase(new Primitive.Binary(BinaryOp.MAX), type, type)
                .with(0.0, -0.0)
                .with(-0.0, 0.0);
        assertArrayEquals(new double[] {0.0, 0.0}, max.run());
        var min = new KernelCase(new Primitive.Binary(BinaryOp.MIN), type, type)
                .with(0.0, -0.0)
                .with(-0.0, 0.0);
        assertArrayEquals(new double[] {-0.0, -0.0}, min.run());
    }

    @ParameterizedTest
    @EnumSource(CompareOp.class)
    void comparisonsWithNanHoldForNeOnly(CompareOp op) {
        for (var dtype : List.of(DType.F32, DType.BF16, DType.I32)) {
            for (int n : KernelCase.SIZES) {
                var type = TensorType.of(dtype, n);
                var run = new KernelCase(new Primitive.Compare(op), type, type)
                        .with(KernelCase.awkward(n, n))
                        .with(KernelCase.awkward(n + 7, n));
                var a = run.operand(0);
                var b = run.operand(1);
                var expected = new double[n];
                Arrays.setAll(expected, i -> exact(op, a[i], b[i]));
                assertArrayEquals(expected, run.run());
            }
        }
    }

    @Test
    void logicalOperationsWorkOnBools() {
        for (int n : KernelCase.SIZES) {
            var type = TensorType.of(DType.BOOL, n);
            var a = KernelCase.integers(n, n, 0, 2);
            var b = KernelCase.integers(n + 1, n, 0, 2);
            for (var op : List.of(BinaryOp.AND, BinaryOp.OR)) {
                var expected = new double[n];
                Arrays.setAll(expected, i -> exact(op, a[i], b[i]));
                var run = new KernelCase(new Primitive.Binary(op), type, type)
                        .with(a)
                        .with(b);
                assertArrayEquals(expected, run.run());
                assertArrayEquals(expected, run.runAll(Map.of(0, 1)).getFirst());
            }
            var not = new KernelCase(new Primitive.Unary(UnaryOp.NOT), type).with(a);
            assertArrayEquals(Arrays.stream(a).map(x -> 1 - x).toArray(), not.run());
        }
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void selectTakesEitherOperandUnchanged(DType dtype) {
        for (int n : KernelCase.SIZES) {
            var type = TensorType.of(dtype, n);
            var run = new KernelCase(new Primitive.Select(), type.as(DType.BOOL), type, type)
                    .with(KernelCase.integers(n, n, 0, 2))
                    .with(KernelCase.awkward(n + 1, n))
                    .with(KernelCase.awkward(n + 2, n));
            var expected = new double[n];
            for (int i = 0; i < n; i++) {
                expected[i] = run.operand(run.operand(0)[i] != 0 ? 1 : 2)[i];
            }
            assertArrayEquals(expected, run.run());
            assertArrayEquals(expected, run.runAll(Map.of(0, 1)).getFirst());
            assertArrayEquals(expected, run.runAll(Map.of(0, 2)).getFirst());
        }
    }

    @ParameterizedTest
    @EnumSource(DType.class)
    void conversionsRoundTruncateAndSaturateAsStorageDoes(DType from) {
        for (var to : DType.values()) {
            for (int n : KernelCase.SIZES) {
                var run = new KernelCase(new Primitive.Convert(to), TensorType.of(from, n))
                        .with(KernelCase.awkward(n, n));
                if (!run.isServed()) {
                    continue;
                }
                var expected = new KernelCase(new Primitive.Convert(to), TensorType.of(to, n))
                        .with(run.operand(0))
                        .operand(0);
                assertArrayEquals(expected, run.run(), from + " to " + to);
                if (from.bytes() == to.bytes()) {
                    assertArrayEquals(expected, run.runAll(Map.of(0, 0)).getFirst(), from + " to " + to);
                }
            }
        }
    }

    @Test
    void roundingToBf16TakesTiesToEvenAndKeepsNan() {
        float[] ties = {1 + 0x1p-8f, 1 + 0x1.8p-7f, 1 + 0x1p-8f + 0x1p-20f, Float.MAX_VALUE, Float.NaN, -0f};
        var values = new double[ties.length];
        Arrays.setAll(values, i -> ties[i]);
        var run = new KernelCase(new Primitive.Convert(DType.BF16), TensorType.f32(ties.length)).with(values);
        double[] expected = {1, 1 + 0x1p-6, 1 + 0x1p-7, Double.POSITIVE_INFINITY, Double.NaN, -0.0};
        assertArrayEquals(expected, run.run());
    }

    @Test
    void doublePrecisionIsLeftToTheReferenceKernels() {
        assertFalse(new KernelCase(new Primitive.Unary(UnaryOp.EXP), TensorType.f64(3)).isServed());
        assertFalse(
                new KernelCase(new Primitive.Binary(BinaryOp.ADD), TensorType.f64(3), TensorType.f64(3)).isServed());
    }
}
