package io.coda4j.tensor;

import io.coda4j.tensor.Primitive.Activations;
import io.coda4j.tensor.Primitive.QuantizedLinear;
import java.util.List;
import java.util.function.Supplier;

/**
 * Rounds the activations of each {@link QuantizedLinear} to 8 bits too, so that a device may multiply INT8 by INT8, and
 * forwards everything else to the interpreter that was current.
 *
 * <p>Each activation then errs by up to half of 1/127 of the greatest magnitude in its row. Products inside of loops are not
 * touched.
 */
public final class QuantizedActivations implements Interpreter {
    private final Interpreter parent = Interpreter.current();

    private QuantizedActivations() {}

    /** Runs {@code body} with activations rounded. */
    public static <R> R within(Supplier<R> body) {
        return new QuantizedActivations().run(body);
    }

    @Override
    public List<Tensor> apply(Primitive prim, List<Tensor> in) {
        var rounding = prim instanceof QuantizedLinear ? new QuantizedLinear(Activations.QUANTIZED) : prim;
        return parent.run(() -> parent.apply(rounding, in));
    }
}
