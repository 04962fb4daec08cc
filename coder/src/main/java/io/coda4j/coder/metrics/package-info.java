/**
 * What a training run measures, as lines of JSON.
 *
 * <p>A run keeps one file, {@code metrics.jsonl}, in its folder. Each line is one {@link
 * io.coda4j.coder.metrics.MetricsLine}: a header with the settings, a training step or an evaluation. Whatever depends on
 * the clock or on the machine sits under {@code timing}, {@code command} and {@code environment}; everything else must be
 * equal, bit for bit, in two runs of one seed ({@link io.coda4j.coder.metrics.MetricsLog#deterministicJson}).
 */
@NullMarked
package io.coda4j.coder.metrics;

import org.jspecify.annotations.NullMarked;
