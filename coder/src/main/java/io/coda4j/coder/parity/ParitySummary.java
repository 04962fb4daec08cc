package io.coda4j.coder.parity;

/**
 * How many cases had which outcome.
 *
 * @param skipped families and parts of families of which nothing was recorded
 */
public record ParitySummary(int passed, int failed, int skipped) {
    /** Whether no case failed. */
    public boolean allPassed() {
        return failed == 0;
    }
}
