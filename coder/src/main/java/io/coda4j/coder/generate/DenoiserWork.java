package io.coda4j.coder.generate;

/**
 * What a model has done so far.
 *
 * @param wholePasses passes over all columns of a row
 * @param windowPasses passes over a part of them
 * @param columns computed in all passes, the padding to whole program sizes included
 * @param wholeSeconds in passes over all columns, compilation included
 * @param windowSeconds in passes over a part of them, compilation included
 * @param headSeconds from hidden states to logits
 */
public record DenoiserWork(
        long wholePasses,
        long windowPasses,
        long columns,
        double wholeSeconds,
        double windowSeconds,
        double headSeconds) {
    /** Nothing. */
    public static final DenoiserWork NONE = new DenoiserWork(0, 0, 0, 0, 0, 0);

    /** All passes. */
    public long passes() {
        return wholePasses + windowPasses;
    }

    /** What was done since {@code earlier}. */
    public DenoiserWork since(DenoiserWork earlier) {
        return new DenoiserWork(
                wholePasses - earlier.wholePasses,
                windowPasses - earlier.windowPasses,
                columns - earlier.columns,
                wholeSeconds - earlier.wholeSeconds,
                windowSeconds - earlier.windowSeconds,
                headSeconds - earlier.headSeconds);
    }

    DenoiserWork withPass(boolean isWhole, int width, double seconds) {
        return new DenoiserWork(
                wholePasses + (isWhole ? 1 : 0),
                windowPasses + (isWhole ? 0 : 1),
                columns + width,
                wholeSeconds + (isWhole ? seconds : 0),
                windowSeconds + (isWhole ? 0 : seconds),
                headSeconds);
    }

    DenoiserWork withHead(double seconds) {
        return new DenoiserWork(wholePasses, windowPasses, columns, wholeSeconds, windowSeconds, headSeconds + seconds);
    }
}
