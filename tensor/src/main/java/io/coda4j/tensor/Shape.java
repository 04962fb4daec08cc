package io.coda4j.tensor;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** The immutable list of dimensions of a tensor; rank 0 is a scalar and a dimension may be 0. */
public final class Shape {
    private static final Shape SCALAR = new Shape(new int[0], 1);

    private final int[] dims;
    private final long size;

    private Shape(int[] dims, long size) {
        this.dims = dims;
        this.size = size;
    }

    /**
     * A shape with the given dimensions.
     *
     * @throws ShapeException if a dimension is negative or the element count exceeds {@code long}
     */
    public static Shape of(int... dims) {
        if (dims.length == 0) {
            return SCALAR;
        }
        long size = 1;
        for (int dim : dims) {
            if (dim < 0) {
                throw new ShapeException("shape " + Arrays.toString(dims) + ": dimensions must not be negative");
            }
            size = multiply(size, dim, dims);
        }
        return new Shape(dims.clone(), size);
    }

    /** A shape with the given dimensions. */
    public static Shape of(List<Integer> dims) {
        return of(dims.stream().mapToInt(Integer::intValue).toArray());
    }

    private static long multiply(long size, int dim, int[] dims) {
        try {
            return Math.multiplyExact(size, (long) dim);
        } catch (ArithmeticException _) {
            throw new ShapeException("shape " + Arrays.toString(dims) + ": more than 2^63 elements");
        }
    }

    /** The number of axes. */
    public int rank() {
        return dims.length;
    }

    /** The dimension of {@code axis}; negative axes count from the last, {@code -1}. */
    public int dim(int axis) {
        int at = axis < 0 ? axis + dims.length : axis;
        if (at < 0 || at >= dims.length) {
            throw new ShapeException("axis " + axis + " is outside shape " + this);
        }
        return dims[at];
    }

    /** A copy of the dimensions. */
    public int[] dims() {
        return dims.clone();
    }

    /** The dimensions as a list. */
    public List<Integer> toList() {
        return IntStream.of(dims).boxed().toList();
    }

    /** The number of elements: the product of the dimensions. */
    public long size() {
        return size;
    }

    /** This shape with {@code dim} in place of the dimension of {@code axis}. */
    public Shape with(int axis, int dim) {
        int[] copy = dims.clone();
        copy[axis < 0 ? axis + dims.length : axis] = dim;
        return of(copy);
    }

    /** This shape without the given axes. */
    public Shape without(List<Integer> axes) {
        return of(IntStream.range(0, dims.length)
                .filter(axis -> !axes.contains(axis))
                .map(axis -> dims[axis])
                .toArray());
    }

    /** The axes {@code 0 .. rank-1} that are not in the list, in order. */
    public List<Integer> axesExcept(List<Integer> excluded) {
        return IntStream.range(0, dims.length)
                .filter(axis -> !excluded.contains(axis))
                .boxed()
                .toList();
    }

    /** The axes {@code 0 .. rank-1} that are in neither list, in order. */
    public List<Integer> axesExcept(List<Integer> first, List<Integer> second) {
        return axesExcept(first).stream().filter(axis -> !second.contains(axis)).toList();
    }

    /** Row-major strides in elements; the last is 1. */
    public long[] strides() {
        long[] strides = new long[dims.length];
        long stride = 1;
        for (int axis = dims.length - 1; axis >= 0; axis--) {
            strides[axis] = stride;
            stride *= dims[axis];
        }
        return strides;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Shape shape && Arrays.equals(dims, shape.dims);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(dims);
    }

    /** The dimensions as {@code [2,8,16]}. */
    @Override
    public String toString() {
        return IntStream.of(dims).mapToObj(Integer::toString).collect(Collectors.joining(",", "[", "]"));
    }
}
