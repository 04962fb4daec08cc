package io.coda4j.nn;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Tensor;
import java.util.List;

/**
 * A table of token vectors.
 *
 * @param weight [V,D]
 * @param frozenRow the token whose vector receives no gradient (the padding token), or -1
 */
public record Embedding(Tensor weight, int frozenRow) {
    /**
     * A checked table.
     *
     * @throws IllegalArgumentException if the weight is no table of floating-point numbers or the row is not in it
     */
    public Embedding {
        boolean isTable = weight.dtype().isFloat() && weight.rank() == 2;
        Argument.require(isTable, "embedding", "weight", "floating-point [V,D]", weight);
        if (frozenRow < -1 || frozenRow >= weight.dim(0)) {
            throw new IllegalArgumentException("embedding: frozen row " + frozenRow + " is outside the table of "
                    + weight.dim(0) + "; -1 stands for none");
        }
    }

    /** ids I32[…] to vectors [...,D]. */
    public Tensor apply(Tensor ids) {
        Argument.require(ids.dtype() == DType.I32, "embedding", "ids", "i32[…]", ids);
        var rows = weight.takeRows(ids);
        if (frozenRow < 0) {
            return rows;
        }
        var isFrozen = ids.eq(ids.like(frozenRow)).expand(rows.shape(), List.of(rows.rank() - 1));
        return isFrozen.select(rows.stopGradient(), rows);
    }
}
