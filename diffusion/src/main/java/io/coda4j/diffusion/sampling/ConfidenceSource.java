package io.coda4j.diffusion.sampling;

/** Which distribution confidences are read from; the token always comes from the filtered one. */
public enum ConfidenceSource {
    /** After temperature, top-p and top-k: the published behaviour. Confident positions then often tie. */
    FILTERED,

    /** The plain softmax of the logits. */
    RAW
}
