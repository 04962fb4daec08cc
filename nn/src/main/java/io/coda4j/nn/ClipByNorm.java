package io.coda4j.nn;

import io.coda4j.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * Gradients scaled so that their common Euclidean norm does not exceed a limit.
 *
 * @param gradients scaled, by name
 * @param norm the norm before scaling, a scalar
 */
public record ClipByNorm(SequencedMap<String, Tensor> gradients, Tensor norm) {
    /** Gradients with norm at most {@code limit} (the usual factor limit/(norm + 1e-6)); infinity only measures. */
    public static ClipByNorm of(SequencedMap<String, Tensor> gradients, double limit) {
        if (!(limit > 0)) {
            throw new IllegalArgumentException("clipping: the norm's limit must be positive, got " + limit);
        }
        @Nullable Tensor sum = null;
        for (var g : gradients.values()) {
            var squares = g.mul(g).sumAll();
            sum = sum == null ? squares : sum.add(squares);
        }
        if (sum == null) {
            throw new IllegalArgumentException("clipping: there are no gradients");
        }
        var norm = sum.sqrt();
        if (Double.isInfinite(limit)) {
            return new ClipByNorm(gradients, norm);
        }
        var factor = norm.like(limit).div(norm.add(1e-6)).min(1);
        var scaled = new LinkedHashMap<String, Tensor>();
        gradients.forEach((name, g) -> scaled.put(name, g.mul(factor)));
        return new ClipByNorm(scaled, norm);
    }
}
