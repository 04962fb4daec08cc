package io.coda4j.coder.metrics;

import org.jspecify.annotations.Nullable;

/**
 * The part of a line that depends on the clock and the machine.
 *
 * @param seconds time spent since the start of training, resumed parts included
 * @param tokensPerSecond throughput since the previous line
 * @param rssBytes resident memory of the process, or null where the system does not tell
 */
public record Timing(
        double seconds, double tokensPerSecond, @Nullable Long rssBytes) {}
