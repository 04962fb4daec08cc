package io.coda4j.nn;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import java.util.List;

/**
 * Where a window of T tokens stands among the S positions of a {@link KvCache}, and which of them it sees.
 *
 * @param start I32[], position of the window's first token
 * @param segments I32[B,T] of the window's tokens; a token sees only positions of its own segment
 * @param keySegments I32[B,S] of all positions
 * @param mask bidirectional ({@code FULL}) or {@code CAUSAL}
 */
public record CacheView(Tensor start, Tensor segments, Tensor keySegments, AttentionMask mask) {
    /** I32[T], the positions of the window's tokens. */
    public Tensor positions() {
        Argument.requireIntegers("cache view", "start", start);
        Argument.requireIntegers("cache view", "segments", segments, "B", "T");
        var type = TensorType.of(DType.I32, segments.dim(1));
        return Tensor.iota(type, 0).add(start.broadcast(type.shape(), List.of()));
    }
}
