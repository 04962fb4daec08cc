package io.coda4j.tpu;

import io.coda4j.tensor.TensorType;

/**
 * A value in StableHLO text.
 *
 * @param name as it is used, such as {@code %add3} or {@code %optimization_barrier5#1}
 */
record HloValue(String name, TensorType type) {}
