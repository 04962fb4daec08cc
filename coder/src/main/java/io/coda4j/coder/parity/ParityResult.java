package io.coda4j.coder.parity;

import org.jspecify.annotations.Nullable;

/**
 * The outcome of replaying one case.
 *
 * @param family part of the fixtures, such as {@code forward}
 * @param name of the case within the family; empty where a whole family is skipped
 * @param maxAbsolute largest difference from a recorded number; NaN if nothing was compared
 * @param maxRelative largest difference in the measure of the tolerance: relative to the number itself, to the largest
 *     number of its tensor, or of a whole tensor to its norm; NaN if nothing was compared
 * @param tolerance in words
 * @param problem where the results differ too much or why the case could not be replayed; null if it passed
 */
public record ParityResult(
        String family,
        String name,
        double maxAbsolute,
        double maxRelative,
        String tolerance,
        Status status,
        @Nullable String problem) {
    /** What became of a case. */
    public enum Status {
        PASS,
        FAIL,
        /** Nothing was recorded. */
        SKIP
    }

    static ParityResult skipped(String family, String reason) {
        return new ParityResult(family, "", Double.NaN, Double.NaN, "", Status.SKIP, reason);
    }
}
