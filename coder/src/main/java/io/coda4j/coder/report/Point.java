package io.coda4j.coder.report;

/** A point of a curve in data coordinates. A {@code y} that is not finite leaves a gap. */
public record Point(double x, double y) {}
