package io.coda4j.nn;

import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;

/** Elements of a small vector of step values as scalars. */
final class Scalars {
    private Scalars() {}

    static Tensor at(Tensor vector, int index) {
        return vector.slice(0, index, index + 1).reshape(Shape.of());
    }
}
