package io.coda4j.diffusion;

import io.coda4j.autograd.Autograd;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.View;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Tensor;
import java.util.ArrayList;

/**
 * The masked-diffusion loss (CoDA report, equation 6): the weighted sum of cross-entropies at scored positions.
 *
 * <p>Only scored positions meet the vocabulary, {@code chunkRows} at a time. With more than one chunk the logits of each
 * are recomputed in the backward pass, so that no more than one chunk of them exists at any moment.
 *
 * @param mask attention of the model, {@code FULL} for diffusion
 * @param chunkRows rows of logits held at a time
 * @param checkpointLayers whether the layers' intermediate values are recomputed in the backward pass
 */
public record MaskedDiffusionLoss(AttentionMask mask, int chunkRows, boolean checkpointLayers) {
    /**
     * The loss and its parts.
     *
     * @param loss sum of weight times cross-entropy, a scalar
     * @param crossEntropies F32[S], unweighted, one per scored position
     */
    public record Result(Tensor loss, Tensor crossEntropies) {}

    /** What one chunk depends on; public for {@link io.coda4j.tensor.Tree}. */
    public record Chunk(Tensor hidden, Tensor head, Tensor targets) {}

    /** Checked settings. */
    public MaskedDiffusionLoss {
        if (chunkRows < 1) {
            throw new IllegalArgumentException("loss: chunk rows must be positive, got " + chunkRows);
        }
    }

    /** The loss of {@code model} on {@code batch}. */
    public Result apply(LanguageModel model, MaskedBatch batch) {
        var view = View.ofSegments(batch.segments(), mask);
        var hidden = checkpointLayers
                ? model.model().applyCheckpointed(batch.noisyIds(), view)
                : model.model().apply(batch.noisyIds(), view);
        var states = hidden.reshape(hidden.dim(0) * hidden.dim(1), hidden.dim(2));
        var scored = states.takeRows(batch.hiddenRows());
        var crossEntropies = crossEntropies(scored, model.headWeight(), batch.targets());
        return new Result(crossEntropies.mul(batch.weights()).sumAll(), crossEntropies);
    }

    private Tensor crossEntropies(Tensor hidden, Tensor head, Tensor targets) {
        int rows = hidden.dim(0);
        if (rows <= chunkRows) {
            return crossEntropies(new Chunk(hidden, head, targets));
        }
        var parts = new ArrayList<Tensor>();
        for (int start = 0; start < rows; start += chunkRows) {
            int end = Math.min(rows, start + chunkRows);
            var chunk = new Chunk(hidden.slice(0, start, end), head, targets.slice(0, start, end));
            parts.add(Autograd.checkpoint(MaskedDiffusionLoss::crossEntropies, chunk));
        }
        return Tensor.concat(0, parts);
    }

    private static Tensor crossEntropies(Chunk chunk) {
        return chunk.hidden.linear(chunk.head).then(new Primitive.CrossEntropy(), chunk.targets);
    }
}
