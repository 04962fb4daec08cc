package io.coda4j.diffusion;

/** Which of two readings of the masking strategies is used. */
public enum MaskingForm {
    /**
     * The strategies as described: block masking happens with its probability, every maskable position is masked with
     * probability {@code sigma} also near edges, and only positions that were really masked are scored.
     */
    FIXED,

    /**
     * The strategies as the published code has them: any positive block probability means always, positions near the edge
     * of a maskable run are masked too rarely, and a literal mask token in the data is scored.
     */
    LEGACY
}
