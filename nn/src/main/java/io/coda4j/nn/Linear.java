package io.coda4j.nn;

import io.coda4j.tensor.Tensor;

/** A linear map without bias. How its weight is stored is chosen where weights are loaded; a model need not know. */
public sealed interface Linear permits DenseLinear, Int8Linear {
    /** [N,K], as it is stored. */
    Tensor weight();

    /** x[…,K] to [...,N]. */
    Tensor apply(Tensor x);
}
