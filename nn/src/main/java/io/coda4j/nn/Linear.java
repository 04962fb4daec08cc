package io.coda4j.nn;

import io.coda4j.tensor.Tensor;

/**
 * A linear map without bias.
 *
 * @param weight [N,K]
 */
public record Linear(Tensor weight) {
    /** x[…,K] to [...,N]. */
    public Tensor apply(Tensor x) {
        return x.linear(weight);
    }
}
