package io.coda4j.nn;

import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Tensor;

/**
 * Root-mean-square normalisation along the last axis (Zhang and Sennrich 2019).
 *
 * @param weight [D]
 * @param eps added to the mean square
 */
public record RmsNormLayer(Tensor weight, double eps) {
    /** Checked settings. */
    public RmsNormLayer {
        requireEps(eps);
    }

    static void requireEps(double eps) {
        if (!(eps > 0 && Double.isFinite(eps))) {
            throw new IllegalArgumentException("rms norm: epsilon must be positive and finite, got " + eps);
        }
    }

    /** x[…,D] to the same shape. */
    public Tensor apply(Tensor x) {
        return x.then(new Primitive.RmsNorm(eps), weight);
    }
}
