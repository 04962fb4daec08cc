package io.coda4j.nn;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.ShapeException;
import io.coda4j.tensor.Tensor;

/**
 * What layers require of their arguments. It is checked before the first operation, whose own message would name neither the
 * layer nor the argument.
 */
final class Argument {
    private Argument() {}

    /**
     * Requires {@code tensor} to have these axes.
     *
     * @param layer who requires it
     * @param name what the layer's documentation calls the tensor
     * @param axes what it calls the axes, such as {@code B} and {@code T}
     * @throws ShapeException if it has another number of axes
     */
    static void requireAxes(String layer, String name, Tensor tensor, String... axes) {
        require(tensor.rank() == axes.length, layer, name, "[" + String.join(",", axes) + "]", tensor);
    }

    /** As {@link #requireAxes}, of integers. */
    static void requireIntegers(String layer, String name, Tensor tensor, String... axes) {
        boolean holds = tensor.dtype() == DType.I32 && tensor.rank() == axes.length;
        require(holds, layer, name, "i32[" + String.join(",", axes) + "]", tensor);
    }

    /** Requires what {@code expected} says in the form of a type. */
    static void require(boolean holds, String layer, String name, String expected, Tensor tensor) {
        if (!holds) {
            throw new ShapeException(layer + ": " + name + " must be " + expected + ", got " + tensor.type());
        }
    }
}
