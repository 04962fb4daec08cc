package io.coda4j.nn;

import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Tensor;

/** The gated feed-forward layer down(silu(gate(x)) * up(x)) (Shazeer 2020). */
public record SwiGluMlp(Linear gateProj, Linear upProj, Linear downProj) {
    /** x[…,D] to the same shape. */
    public Tensor apply(Tensor x) {
        return downProj.apply(gateProj.apply(x).then(new Primitive.SwiGlu(), upProj.apply(x)));
    }
}
