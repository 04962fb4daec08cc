package io.coda4j.tensor;

import java.util.List;
import java.util.stream.Collectors;

/** Operands that a primitive's rule does not allow; the message names primitive, rule, operands and axis. */
public final class ShapeException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    /** An error that concerns no operands. */
    public ShapeException(String message) {
        super(message);
    }

    /** An error of {@code op}: the {@code rule} that does not hold, with the types of all operands. */
    public ShapeException(String op, String rule, List<TensorType> operands) {
        super(op + ": " + rule + "; operands "
                + operands.stream().map(TensorType::toString).collect(Collectors.joining(", ", "(", ")")));
    }
}
