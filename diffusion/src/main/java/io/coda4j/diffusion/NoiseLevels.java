package io.coda4j.diffusion;

/** How the noise levels of the rows of a batch relate to each other. */
public enum NoiseLevels {
    /** Every row draws its own level. */
    INDEPENDENT,

    /**
     * Row {@code b} of {@code B} draws uniformly from the {@code b}-th of {@code B} equal parts: {@code t = (u + b)/B mod 1}. A
     * batch then covers all levels evenly, which lowers the variance of the loss and leaves its expectation as it is.
     */
    STRATIFIED
}
