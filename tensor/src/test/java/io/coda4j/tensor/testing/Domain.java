package io.coda4j.tensor.testing;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/** Where the values of an operand come from. */
public sealed interface Domain {
    /** Standard normal numbers. */
    record Normal() implements Domain {}

    /** Evenly distributed numbers. */
    record Between(double low, double high) implements Domain {}

    /** Evenly distributed whole numbers, both ends included. */
    record Whole(int low, int high) implements Domain {}

    /** Numbers of both signs, at least a half away from zero. */
    record Nonzero() implements Domain {}

    /**
     * Numbers in -3 .. 3 that are all different, in random order. Two operands with different phases share no value
     * either, so that no maximum is a tie.
     *
     * @param phase a fraction of the distance between neighbours, 0 up to 1
     */
    record Distinct(double phase) implements Domain {}

    /**
     * The given values again and again, each {@code repeat} times.
     *
     * @param repeat 1, or the number of values of another operand to meet each of them
     */
    record Cycle(List<Double> values, int repeat) implements Domain {}

    /** 0, 1, 2, … */
    record Count() implements Domain {}

    /** One value everywhere. */
    record Constant(double value) implements Domain {}

    /** A result of another primitive applied to the operands before this one, as many as it takes. */
    record Result(Primitive prim, int operands, int index) implements Domain {}

    /** Values of {@code type} in row-major order, before they are rounded to its element type. */
    default double[] values(TensorType type, Random random) {
        int size = Math.toIntExact(type.size());
        return switch (this) {
            case Normal() ->
                random.doubles(size).map(_ -> random.nextGaussian()).toArray();
            case Between(double low, double high) ->
                random.doubles(size).map(u -> low + (high - low) * u).toArray();
            case Whole(int low, int high) ->
                random.ints(size, low, high + 1).asDoubleStream().toArray();
            case Nonzero() ->
                random.doubles(size)
                        .map(u -> (random.nextBoolean() ? 1 : -1) * (0.5 + 1.5 * u))
                        .toArray();
            case Distinct(double phase) -> distinct(size, phase, random);
            case Cycle(List<Double> values, int repeat) ->
                IntStream.range(0, size)
                        .mapToDouble(i -> values.get(i / repeat % values.size()))
                        .toArray();
            case Count() -> IntStream.range(0, size).asDoubleStream().toArray();
            case Constant(double value) ->
                IntStream.range(0, size).mapToDouble(_ -> value).toArray();
            case Result _ -> throw new IllegalStateException("a result needs the operands before it: see OpCase");
        };
    }

    private static double[] distinct(int size, double phase, Random random) {
        var order = new ArrayList<>(IntStream.range(0, size).boxed().toList());
        Collections.shuffle(order, random);
        double distance = 6.0 / Math.max(1, size);
        return order.stream().mapToDouble(i -> -3 + distance * (i + phase)).toArray();
    }

    /** Values at which arithmetic of {@code dtype} goes wrong first: signed zeros, extremes, infinities, ties, NaN. */
    static List<Double> specials(DType dtype) {
        return switch (dtype) {
            case BOOL -> List.of(0.0, 1.0);
            case I8 -> List.of(0.0, 1.0, -1.0, 127.0, -128.0);
            case I32 ->
                List.of(0.0, 1.0, -1.0, 2.0, -7.0, 46341.0, (double) Integer.MAX_VALUE, (double) Integer.MIN_VALUE);
            case F16 ->
                List.of(
                        0.0,
                        -0.0,
                        1.0,
                        -1.0,
                        -2.5,
                        0.3,
                        6e-8,
                        0x1p-14,
                        65504.0,
                        -65504.0,
                        Double.POSITIVE_INFINITY,
                        Double.NEGATIVE_INFINITY,
                        Double.NaN);
            case BF16, F32, F64 ->
                List.of(
                        0.0,
                        -0.0,
                        1.0,
                        -1.0,
                        -2.5,
                        0.3,
                        1e-40,
                        (double) Float.MIN_NORMAL,
                        3e38,
                        -3e38,
                        Double.POSITIVE_INFINITY,
                        Double.NEGATIVE_INFINITY,
                        Double.NaN);
        };
    }
}
