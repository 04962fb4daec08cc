package io.coda4j.nn;

import io.coda4j.tensor.Tensor;

/** Receives intermediate values of a forward pass by name, for comparison with recorded results. */
@FunctionalInterface
public interface Probe {
    /** A probe that looks at nothing. */
    Probe NONE = (name, value) -> {};

    /** Called with each intermediate value, in order. */
    void see(String name, Tensor value);
}
