package io.coda4j.tensor;

/**
 * The element types of the engine.
 *
 * <p>{@code F16} (IEEE 754 binary16) and {@code BF16} are storage and matrix-product types: sums and functions of them run in
 * {@code F32}. {@code I8} holds quantised values, to be moved, converted, and multiplied with sums in {@code I32}; nothing else
 * computes with it. {@code F64} exists for the reference kernels and for gradient checks.
 */
public enum DType {
    BOOL(1),
    I8(1),
    I32(4),
    F16(2),
    BF16(2),
    F32(4),
    F64(8);

    private final int bytes;

    DType(int bytes) {
        this.bytes = bytes;
    }

    /** Bytes of one element in memory. */
    public int bytes() {
        return bytes;
    }

    /** Whether values are floating-point numbers, the only ones with a gradient. */
    public boolean isFloat() {
        return switch (this) {
            case F16, BF16, F32, F64 -> true;
            case BOOL, I8, I32 -> false;
        };
    }

    /** Whether values are stored in less precision than they are computed in. */
    public boolean isReducedPrecision() {
        return this == F16 || this == BF16;
    }

    /** The type in which sums, and transcendental functions, over this type are computed. */
    public DType accumulator() {
        return switch (this) {
            case I8 -> I32;
            case F16, BF16 -> F32;
            case BOOL, I32, F32, F64 -> this;
        };
    }

    @Override
    public String toString() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }
}
