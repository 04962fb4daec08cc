package io.coda4j.coder.terminal;

/** What has happened to a token of a text that is being denoised. */
public enum State {
    /** Part of the prompt or of the surrounding code. */
    GIVEN,
    /** Still a mask. */
    MASKED,
    /** Filled in by the current step. */
    NEW,
    /** Filled in by an earlier step. */
    DONE
}
