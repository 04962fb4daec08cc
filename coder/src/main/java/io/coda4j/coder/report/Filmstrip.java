package io.coda4j.coder.report;

import java.util.List;

/**
 * One text at several steps of its denoising.
 *
 * @param title what was asked for
 * @param steps the number of steps of the whole sampling
 * @param frames in order of steps; about four to eight read well
 */
public record Filmstrip(String title, int steps, List<Frame> frames) {
    public Filmstrip {
        frames = List.copyOf(frames);
    }
}
