package io.coda4j.coder.metrics;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One training step, or the mean over the steps since the previous line.
 *
 * @param step optimiser steps done
 * @param epoch passes over the corpus done, with a fraction
 * @param tokens tokens of text read since the start of training, those included that strategy S2 then cuts off
 * @param loss the loss that was minimised; a {@code float} widened to {@code double} keeps its bits in the file
 * @param lossByNoise {@code [N]} mean cross-entropy in nats per masked token, bucket i covering noise levels
 *     {@code [i/N, (i+1)/N)}; null where no token fell into the bucket
 * @param learningRate the learning rate of the step
 * @param gradientNorm the global norm of the gradient before clipping
 * @param scored the number of masked tokens that the loss was taken over
 * @param timing what differs from run to run
 */
public record TrainLine(
        long step,
        double epoch,
        long tokens,
        double loss,
        List<@Nullable Double> lossByNoise,
        double learningRate,
        double gradientNorm,
        long scored,
        Timing timing)
        implements MetricsLine {

    public TrainLine {
        // List.copyOf would reject the nulls of empty buckets.
        lossByNoise = Collections.unmodifiableList(new ArrayList<>(lossByNoise));
    }
}
