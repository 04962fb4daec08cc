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
        Argument.requireAxes("linear", "weight", weight, "N", "K");
        int inputs = weight.dim(1);
        boolean fits = x.rank() > 0 && x.dim(x.rank() - 1) == inputs;
        Argument.require(fits, "linear", "x for the weight " + weight.type(), "[…," + inputs + "]", x);
        return x.linear(weight);
    }
}
