package io.coda4j.diffusion;

/** How the cross-entropies of the scored positions of a batch are weighted before they are summed. */
public enum LossWeighting {
    /** {@code 1/(sigma * B * L)}: the published loss. The divisor counts all tokens, scored or not. */
    INVERSE_SIGMA,

    /** {@code 1/(sigma * scored)}: the divisor counts the scored positions only. */
    INVERSE_SIGMA_OVER_MASKED,

    /** {@code 1/scored}: the plain mean over the scored positions. */
    MEAN_OVER_MASKED
}
