package io.coda4j.coder.metrics;

/**
 * Shares of masked positions that were filled correctly, by the model and by two baselines, all in [0, 1].
 *
 * @param positions the number of positions the shares were taken over
 * @param accuracy by the model's most probable token
 * @param baselineUnigram by the most frequent token of the training files
 * @param baselineNeighbours by the token most frequent between the same two neighbours
 */
public record Score(long positions, double accuracy, double baselineUnigram, double baselineNeighbours) {}
