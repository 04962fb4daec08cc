package io.coda4j.nn;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import java.util.List;

/**
 * Where the tokens of a sequence stand and which of them see each other.
 *
 * @param positions I32[T], for rotary embedding
 * @param segments I32[B,T]; a token sees only tokens of its own segment
 * @param mask bidirectional ({@code FULL}) or {@code CAUSAL}
 */
public record View(Tensor positions, Tensor segments, AttentionMask mask) {
    /** Positions 0..T-1 and one segment for all tokens of ids[B,T]. */
    public static View of(Tensor ids, AttentionMask mask) {
        Argument.requireIntegers("view", "ids", ids, "B", "T");
        return new View(positions(ids), ids.like(0), mask);
    }

    /** Positions 0..T-1, with segments I32[B,T] such as documents packed into one row. */
    public static View ofSegments(Tensor segments, AttentionMask mask) {
        Argument.requireIntegers("view", "segments", segments, "B", "T");
        return new View(positions(segments), segments, mask);
    }

    /**
     * The view of the tokens at {@code columns} I32[N] alone, B being 1.
     *
     * @throws IllegalArgumentException if the mask goes by the order of tokens, which these have not
     */
    View at(Tensor columns) {
        if (mask != AttentionMask.FULL) {
            throw new IllegalArgumentException("view: single columns can be looked at with the mask FULL, not " + mask);
        }
        return new View(positions.takeRows(columns), columns(segments, columns), mask);
    }

    /** The {@code columns} I32[N] of x[1,T,…], as [1,N,…]. */
    static Tensor columns(Tensor x, Tensor columns) {
        return x.reshape(x.shape().without(List.of(0)))
                .takeRows(columns)
                .reshape(x.shape().with(1, columns.dim(0)));
    }

    private static Tensor positions(Tensor ids) {
        return Tensor.iota(TensorType.of(DType.I32, ids.dim(1)), 0);
    }
}
