package io.coda4j.diffusion.sampling;

import java.util.List;

/**
 * What a sampler asks a model at one step.
 *
 * @param canvas the tokens now; not to be changed
 * @param positions flat indices {@code row * length + column} whose predictions are wanted, rising
 * @param step of the run, from 0
 * @param windows {@code [rows]} the window that each row works on
 */
public record DenoiseRequest(Canvas canvas, int[] positions, int step, List<Window> windows) {}
