package io.coda4j.diffusion.sampling;

/**
 * The part of a row that may be committed at a step.
 *
 * @param start first column
 * @param end column after the last
 * @param step of this window, from 0
 * @param steps that the window gets, at the most
 */
public record Window(int start, int end, int step, int steps) {}
