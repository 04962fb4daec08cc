package io.coda4j.coder.metrics;

import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;

/** One line of a metrics file. The JSON field {@code kind} is {@code run}, {@code train} or {@code eval}. */
@JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
@JsonSubTypes({
    @JsonSubTypes.Type(value = RunLine.class, name = "run"),
    @JsonSubTypes.Type(value = TrainLine.class, name = "train"),
    @JsonSubTypes.Type(value = EvalLine.class, name = "eval")
})
public sealed interface MetricsLine permits RunLine, TrainLine, EvalLine {
    /** The number of optimiser steps that were complete when the line was written. */
    long step();
}
