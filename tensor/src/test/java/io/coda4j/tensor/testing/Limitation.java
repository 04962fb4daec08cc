package io.coda4j.tensor.testing;

import java.util.function.Predicate;

/**
 * A named gap of a device: cases that it is known not to compute as the reference does. They are reported as skipped,
 * with the reason.
 */
public record Limitation(String reason, Predicate<OpCase> applies) {}
