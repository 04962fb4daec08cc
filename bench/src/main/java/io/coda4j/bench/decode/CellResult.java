package io.coda4j.bench.decode;

import org.jspecify.annotations.Nullable;
import tools.jackson.databind.PropertyNamingStrategies;
import tools.jackson.databind.json.JsonMapper;

/**
 * What one cell of the table has measured.
 *
 * @param decoding its name
 * @param precision what products with the model's matrices were made of
 * @param device that computed, with what it says of itself
 * @param estimated whether the figures of the run are estimates from a part of its steps, and no run was made
 * @param stepsRun of an estimated run the steps that were measured; else null
 * @param seconds of all steps, preparing programs and weights included
 * @param forwards how often the model ran, or would have
 * @param generatedTokens that the run wrote, or would have; none is padding
 * @param firstForwardSecondsFromStart from the start of the JVM to the end of the first step that ran the model; null where
 *     the system does not tell when that was
 * @param firstForwardSecondsFromLoad to there from when the model was loaded
 * @param memory at the end, null where the system does not tell
 * @param peakBeyondMappedBytes the most that was resident after any step and no page of a mapped file; null as {@code
 *     memory}
 */
record CellResult(
        String decoding,
        String precision,
        String device,
        boolean estimated,
        @Nullable Integer stepsRun,
        double seconds,
        long forwards,
        int generatedTokens,
        double tokensPerForward,
        double tokensPerSecond,
        @Nullable Double firstForwardSecondsFromStart,
        double firstForwardSecondsFromLoad,
        Phases phases,
        @Nullable ResidentMemory memory,
        @Nullable Long peakBeyondMappedBytes) {
    /** Reads and writes results and reports. */
    static final JsonMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .build();

    /**
     * Seconds by phase, as {@code coda generate} reports them.
     *
     * @param load the model, before the run
     * @param wholePasses over all columns
     * @param windowPasses over a part of them
     * @param head from hidden states to logits
     * @param choice of tokens and positions, and what else is left
     */
    record Phases(double load, double wholePasses, double windowPasses, double head, double choice) {}
}
