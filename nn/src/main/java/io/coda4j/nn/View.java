package io.coda4j.nn;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;

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
        return new View(positions(ids), ids.like(0), mask);
    }

    /** Positions 0..T-1, with segments I32[B,T] such as documents packed into one row. */
    public static View ofSegments(Tensor segments, AttentionMask mask) {
        return new View(positions(segments), segments, mask);
    }

    private static Tensor positions(Tensor ids) {
        return Tensor.iota(TensorType.of(DType.I32, ids.dim(1)), 0);
    }
}
