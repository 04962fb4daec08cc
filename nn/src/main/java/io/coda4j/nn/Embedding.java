package io.coda4j.nn;

import io.coda4j.tensor.Tensor;

/**
 * A table of token vectors.
 *
 * @param weight [V,D]
 * @param frozenRow the token whose vector receives no gradient (the padding token), or -1
 */
public record Embedding(Tensor weight, int frozenRow) {
    /** ids I32[…] to vectors [...,D]. */
    public Tensor apply(Tensor ids) {
        var rows = weight.takeRows(ids);
        if (frozenRow < 0) {
            return rows;
        }
        var isFrozen = ids.eq(ids.like(frozenRow)).expand(rows.shape(), java.util.List.of(rows.rank() - 1));
        return isFrozen.select(rows.stopGradient(), rows);
    }
}
