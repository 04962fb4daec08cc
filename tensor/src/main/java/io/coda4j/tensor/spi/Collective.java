package io.coda4j.tensor.spi;

import java.io.Serializable;

/**
 * An operation by which the devices of one program exchange values.
 *
 * @param operation such as {@code all-gather}
 * @param places how often it stands in the program
 * @param inLoops how many of these places are inside loops
 * @param runs how often a run of the program comes by
 * @param bytes that pass through one device's links in a run of the program, in one direction
 */
public record Collective(String operation, int places, int inLoops, long runs, long bytes) implements Serializable {}
