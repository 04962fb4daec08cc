package io.coda4j.nn;

import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.Activations;
import io.coda4j.tensor.Tensor;

/**
 * A linear map whose weight was rounded to whole multiples of a scale for each output. Activations are kept as they are,
 * unless {@link io.coda4j.tensor.QuantizedActivations} rounds them too.
 *
 * @param weight I8[N,K]
 * @param weightScale F32[N]
 */
public record Int8Linear(Tensor weight, Tensor weightScale) implements Linear {
    @Override
    public Tensor apply(Tensor x) {
        return x.then(new Primitive.QuantizedLinear(Activations.KEPT), weight, weightScale);
    }
}
