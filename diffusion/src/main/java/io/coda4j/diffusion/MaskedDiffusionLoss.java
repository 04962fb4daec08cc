package io.coda4j.diffusion;

import io.coda4j.autograd.Autograd;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.Staging;
import io.coda4j.nn.View;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.spi.Mesh;
import java.util.ArrayList;
import java.util.function.UnaryOperator;

/**
 * The masked-diffusion loss (CoDA report, equation 6): the weighted sum of cross-entropies at scored positions.
 *
 * <p>Only scored positions meet the vocabulary, {@code chunkRows} at a time; or, where a {@link MaskedBatch} lists every
 * position, all of them. With more than one chunk the logits of each are recomputed in the backward pass, so that no
 * more than one chunk of them exists at any moment.
 *
 * @param mask attention of the model, {@code FULL} for diffusion
 * @param chunkRows rows of logits held at a time
 * @param staging of the pass over the layers
 */
public record MaskedDiffusionLoss(AttentionMask mask, int chunkRows, Staging staging) {
    /**
     * The loss and its parts.
     *
     * @param loss sum of weight times cross-entropy, a scalar
     * @param crossEntropies F32[S], unweighted, one per scored position; F32[B,L] where every position is listed
     */
    public record Result(Tensor loss, Tensor crossEntropies) {}

    /** What one chunk depends on, [n,D] with targets [n] or [B,l,D] with [B,l]; public for {@link io.coda4j.tensor.Tree}. */
    public record Chunk(Tensor hidden, Tensor head, Tensor targets) {}

    /** Checked settings. */
    public MaskedDiffusionLoss {
        if (chunkRows < 1) {
            throw new IllegalArgumentException("loss: chunk rows must be positive, got " + chunkRows);
        }
    }

    /** A loss for one device; {@code checkpointLayers} as in {@link Staging}. */
    public MaskedDiffusionLoss(AttentionMask mask, int chunkRows, boolean checkpointLayers) {
        this(mask, chunkRows, checkpointLayers ? Staging.CHECKPOINTED : Staging.PLAIN);
    }

    /** The same loss, with the pass over the layers staged for the devices of {@code mesh}. */
    public MaskedDiffusionLoss on(Mesh mesh) {
        return new MaskedDiffusionLoss(mask, chunkRows, staging.on(mesh));
    }

    /** The loss of {@code model} on {@code batch}. */
    public Result apply(LanguageModel model, MaskedBatch batch) {
        var view = View.ofSegments(batch.segments(), mask);
        var hidden = model.model().apply(batch.noisyIds(), view, staging);
        var rows = batch.hiddenRows();
        var crossEntropies = rows == null
                ? ofEveryPosition(hidden, model.headWeight(), batch.targets())
                : crossEntropies(states(hidden).takeRows(rows), model.headWeight(), batch.targets());
        return new Result(crossEntropies.mul(batch.weights()).sumAll(), crossEntropies);
    }

    /** hidden[B,L,D] as [B*L,D]. */
    private static Tensor states(Tensor hidden) {
        return hidden.reshape(hidden.dim(0) * hidden.dim(1), hidden.dim(2));
    }

    /** Chunks are cut along L, because a mesh may split B: hidden[B,L,D], targets I32[B,L] to F32[B,L]. */
    private Tensor ofEveryPosition(Tensor hidden, Tensor head, Tensor targets) {
        return inChunks(1, Math.max(1, chunkRows / hidden.dim(0)), staging::place, hidden, head, targets);
    }

    /** hidden[S,D], targets I32[S] to F32[S]. */
    private Tensor crossEntropies(Tensor hidden, Tensor head, Tensor targets) {
        return inChunks(0, chunkRows, UnaryOperator.identity(), hidden, head, targets);
    }

    /** Cross-entropies of pieces of {@code width} along {@code axis}, each computed again in the backward pass. */
    private static Tensor inChunks(
            int axis, int width, UnaryOperator<Tensor> place, Tensor hidden, Tensor head, Tensor targets) {
        int length = hidden.dim(axis);
        if (length <= width) {
            return crossEntropies(new Chunk(hidden, head, targets));
        }
        var parts = new ArrayList<Tensor>();
        for (int start = 0; start < length; start += width) {
            int end = Math.min(length, start + width);
            var piece = place.apply(hidden.slice(axis, start, end));
            var chunk = new Chunk(piece, head, targets.slice(axis, start, end));
            parts.add(Autograd.checkpoint(MaskedDiffusionLoss::crossEntropies, chunk));
        }
        return Tensor.concat(axis, parts);
    }

    private static Tensor crossEntropies(Chunk chunk) {
        boolean flat = chunk.targets.rank() == 1;
        var states = flat ? chunk.hidden : states(chunk.hidden);
        var targets = chunk.targets.reshape(states.dim(0));
        return states.linear(chunk.head)
                .then(new Primitive.CrossEntropy(), targets)
                .reshape(chunk.targets.shape());
    }
}
