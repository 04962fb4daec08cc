package io.coda4j.autograd;

import io.coda4j.tensor.Tensor;

/**
 * A scalar function's value and its gradient.
 *
 * @param value the scalar
 * @param gradient a tree of the same structure and types as the parameters
 */
public record ValueAndGradient<P>(Tensor value, P gradient) {}
