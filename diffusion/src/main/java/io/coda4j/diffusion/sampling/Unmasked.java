package io.coda4j.diffusion.sampling;

import java.util.List;

/**
 * The result of a run.
 *
 * @param forwards how often the model was called
 * @param evaluatedPositions rows of logits computed over the run
 * @param masksLeft masks still in the canvas, which happens only if the model produced the mask token itself
 * @param history {@code [steps]} copies of all tokens after each step; empty unless asked for
 */
public record Unmasked(Canvas canvas, int forwards, long evaluatedPositions, int masksLeft, List<int[]> history) {}
