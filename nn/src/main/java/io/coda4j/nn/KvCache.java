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
        requireFit("new keys", newKeys, keys);
        requireFit("new values", newValues, values);
        return new KvCache(keys.dynamicUpdateSlice(1, newKeys, start), values.dynamicUpdateSlice(1, newValues, start));
    }

    private static void requireFit(String name, Tensor part, Tensor whole) {
        var type = whole.type();
        boolean fits = part.rank() == 4
                && whole.rank() == 4
                && part.dim(1) <= whole.dim(1)
                && part.type().equals(type.with(type.shape().with(1, part.dim(1))));
        Argument.require(fits, "cache", name, "a part of " + type + " along axis 1", part);
    }
}
