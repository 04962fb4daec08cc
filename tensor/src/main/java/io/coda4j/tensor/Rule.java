package io.coda4j.tensor;

import java.util.HashSet;
import java.util.List;
import java.util.function.Supplier;

/** The checks that shape rules are written in; each failure becomes a {@link ShapeException} naming the primitive. */
record Rule(String op, List<TensorType> in) {
    /** Starts the rule of {@code op}, which takes exactly {@code count} operands. */
    static Rule of(String op, List<TensorType> in, int count) {
        if (in.size() != count) {
            throw new ShapeException(op, "takes " + count + " operands, got " + in.size(), in);
        }
        return new Rule(op, in);
    }

    TensorType operand(int index) {
        return in.get(index);
    }

    /** Fails with {@code rule} unless {@code holds}. */
    void require(boolean holds, Supplier<String> rule) {
        if (!holds) {
            throw new ShapeException(op, rule.get(), in);
        }
    }

    /** Fails unless all named operands have one type. */
    void sameType(int first, int... others) {
        for (int other : others) {
            require(
                    in.get(first).equals(in.get(other)),
                    () -> "operands " + first + " and " + other
                            + " must have equal types (broadcast or convert one explicitly)");
        }
    }

    /** Fails unless operand {@code index} has element type {@code dtype}. */
    void dtype(int index, DType dtype) {
        require(in.get(index).dtype() == dtype, () -> "operand " + index + " must be " + dtype);
    }

    /** Fails unless operand {@code index} is a floating-point tensor. */
    void isFloat(int index) {
        require(in.get(index).dtype().isFloat(), () -> "operand " + index + " must be a floating-point tensor");
    }

    /** Fails if operand {@code index} is I8, with which nothing is computed but products. */
    void notI8(int index) {
        require(in.get(index).dtype() != DType.I8, () -> "has no i8 form; convert to i32 first");
    }

    /** Fails unless operand {@code index} has {@code rank} axes, described by {@code layout} such as "[B,T,H,D]". */
    void rank(int index, int rank, String layout) {
        require(in.get(index).rank() == rank, () -> "operand " + index + " must have rank " + rank + " " + layout);
    }

    /** Fails unless operand {@code index} has exactly this type; {@code meaning} says what it stands for. */
    void type(int index, TensorType expected, String meaning) {
        require(
                in.get(index).equals(expected),
                () -> "operand " + index + " (" + meaning + ") must be " + expected + ", got " + in.get(index));
    }

    /** {@code size} as the dimension of {@code axis}; fails if it is more than a dimension can be. */
    int dim(int axis, long size) {
        require(size <= Integer.MAX_VALUE, () -> "axis " + axis + " would be " + size + ", and may be 2^31 - 1");
        return (int) size;
    }

    /** Fails unless {@code axes} are distinct axes of a tensor of {@code rank}. */
    void axes(String name, List<Integer> axes, int rank) {
        for (int axis : axes) {
            require(axis >= 0 && axis < rank, () -> name + " " + axes + ": axis " + axis + " is outside rank " + rank);
        }
        require(new HashSet<>(axes).size() == axes.size(), () -> name + " " + axes + " names an axis twice");
    }
}
