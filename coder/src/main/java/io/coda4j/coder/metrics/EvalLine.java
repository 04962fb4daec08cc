package io.coda4j.coder.metrics;

import org.jspecify.annotations.Nullable;

/**
 * One evaluation on held-out files at one noise level.
 *
 * @param step optimiser steps done
 * @param tokens tokens of text read so far, as in {@link TrainLine}
 * @param noise the share of masked positions, in (0, 1]
 * @param loss mean cross-entropy in nats per masked token
 * @param all scores over all masked positions
 * @param unseen scores over the positions whose text does not occur in the training files, or null if not measured
 * @param timing what differs from run to run; throughput is that of the evaluation
 */
public record EvalLine(
        long step,
        long tokens,
        double noise,
        double loss,
        Score all,
        @Nullable Score unseen,
        Timing timing) implements MetricsLine {}
