package io.coda4j.tensor;

/**
 * What is known of a tensor before it has a value: its element type and its shape.
 *
 * @param dtype element type
 * @param shape dimensions
 */
public record TensorType(DType dtype, Shape shape) {
    /** A type of {@code dtype} with the given dimensions. */
    public static TensorType of(DType dtype, int... dims) {
        return new TensorType(dtype, Shape.of(dims));
    }

    /** An {@code F32} type with the given dimensions. */
    public static TensorType f32(int... dims) {
        return of(DType.F32, dims);
    }

    /** An {@code F64} type with the given dimensions. */
    public static TensorType f64(int... dims) {
        return of(DType.F64, dims);
    }

    /** An {@code I32} type with the given dimensions. */
    public static TensorType i32(int... dims) {
        return of(DType.I32, dims);
    }

    /** The number of axes. */
    public int rank() {
        return shape.rank();
    }

    /** The dimension of {@code axis}; negative axes count from the last. */
    public int dim(int axis) {
        return shape.dim(axis);
    }

    /** The number of elements. */
    public long size() {
        return shape.size();
    }

    /**
     * The bytes of the value in dense row-major order.
     *
     * @throws ShapeException if they exceed {@code long}
     */
    public long byteSize() {
        if (shape.size() > Long.MAX_VALUE / dtype.bytes()) {
            throw new ShapeException(this + ": more than 2^63 bytes");
        }
        return shape.size() * dtype.bytes();
    }

    /** The same shape with another element type. */
    public TensorType as(DType other) {
        return new TensorType(other, shape);
    }

    /** The same element type with another shape. */
    public TensorType with(Shape other) {
        return new TensorType(dtype, other);
    }

    /** The type as {@code f32[2,8,16]}. */
    @Override
    public String toString() {
        return dtype.toString() + shape;
    }
}
