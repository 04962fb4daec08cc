package io.coda4j.tensor;

import java.util.List;
import java.util.function.Supplier;

/**
 * What applying a primitive means right now: compute it ({@link Eager}), stage it ({@link Trace}), record it for
 * differentiation, expand it. Interpreters nest: their rules call ordinary {@link Tensor} methods.
 */
public interface Interpreter {
    /** The interpreter bound to the running code. */
    ScopedValue<Interpreter> CURRENT = ScopedValue.newInstance();

    /** Applies {@code prim} to operands, giving its results in order. */
    List<Tensor> apply(Primitive prim, List<Tensor> in);

    /** The bound interpreter, or eager execution on the default device. */
    static Interpreter current() {
        return CURRENT.isBound() ? CURRENT.get() : Eager.onDefaultDevice();
    }

    /** Runs {@code body} with this interpreter bound. */
    default <R> R run(Supplier<R> body) {
        return ScopedValue.where(CURRENT, this).call(body::get);
    }
}
