package io.coda4j.nn;

import io.coda4j.tensor.Tensor;

/**
 * What attention remembers of one layer: state that goes into a program and comes out of it. Donated, it is changed in
 * place.
 *
 * @param keys [B,S,K,d], normalised and rotated to their positions
 * @param values [B,S,K,d]
 */
public record KvCache(Tensor keys, Tensor values) {
    /** This cache with newKeys and newValues [B,T,K,d] written from position start I32[] on; start+T must not exceed S. */
    public KvCache with(Tensor newKeys, Tensor newValues, Tensor start) {
        return new KvCache(keys.dynamicUpdateSlice(1, newKeys, start), values.dynamicUpdateSlice(1, newValues, start));
    }
}
