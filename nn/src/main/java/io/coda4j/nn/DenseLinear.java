package io.coda4j.nn;

import io.coda4j.tensor.Tensor;

/**
 * A linear map whose weight is made of floating-point numbers.
 *
 * @param weight [N,K]
 */
public record DenseLinear(Tensor weight) implements Linear {
    @Override
    public Tensor apply(Tensor x) {
        return x.linear(weight);
    }
}
