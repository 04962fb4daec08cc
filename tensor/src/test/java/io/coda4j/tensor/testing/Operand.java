package io.coda4j.tensor.testing;

import io.coda4j.tensor.TensorType;

/** An operand of a case: its type, and where its values come from. */
public record Operand(TensorType type, Domain domain) {}
