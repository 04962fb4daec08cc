package io.coda4j.diffusion.sampling;

/** Receives logits in pieces, so that they need not exist for all positions at once. */
@FunctionalInterface
public interface LogitsSink {

    /**
     * Takes the logits of {@code positions[first..first+count)} of the request. Pieces come in order and without gaps.
     *
     * @param logits {@code [count, V]} from index 0 on; may be reused by the caller afterwards
     */
    void accept(int first, int count, float[] logits);
}
