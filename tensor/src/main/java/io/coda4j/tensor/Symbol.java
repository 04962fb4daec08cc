package io.coda4j.tensor;

/** A variable of a {@link Program}: a tensor whose type is known and whose value is not. Compared by identity. */
public final class Symbol implements Tensor {
    private final TensorType type;

    /** A new variable of the given type. */
    public Symbol(TensorType type) {
        this.type = type;
    }

    @Override
    public TensorType type() {
        return type;
    }

    @Override
    public String toString() {
        return "traced " + type;
    }
}
