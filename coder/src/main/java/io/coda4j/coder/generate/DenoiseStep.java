package io.coda4j.coder.generate;

import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.Staging;
import io.coda4j.nn.View;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Tensor;

/**
 * One pass of generation without caches as a single program: a pass over all columns, and the head at some positions.
 *
 * @param staging of the pass over the layers
 */
public record DenoiseStep(AttentionMask mask, Staging staging) {
    /**
     * Arguments of the program.
     *
     * @param ids I32[B,T]
     * @param segments I32[B,T], documents that do not see each other
     * @param positions I32[N], of states[B*T,D], those to be filled
     */
    public record Input(LanguageModel model, Tensor ids, Tensor segments, Tensor positions) {}

    /** Logits [N,V] of the positions. */
    public Tensor apply(Input in) {
        var states = in.model.model().apply(in.ids, View.ofSegments(in.segments, mask), staging);
        return in.model.logits(states, in.positions);
    }
}
