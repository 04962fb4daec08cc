package io.coda4j.diffusion;

/**
 * A batch after the forward process; arrays are owned by the record and must not be changed.
 *
 * @param noisyIds {@code [B,L]} what the model sees
 * @param targets {@code [B,L]} clean tokens after suffix truncation
 * @param sigma {@code [B]} noise level of each row
 * @param maskable {@code [B,L]} positions that could be masked
 * @param masked {@code [B,L]} positions to be predicted
 * @param blockSize 1 if tokens were masked one by one
 */
public record NoisedBatch(
        int rows,
        int length,
        int[] noisyIds,
        int[] targets,
        float[] sigma,
        boolean[] maskable,
        boolean[] masked,
        int blockSize) {
    /**
     * Checked sizes.
     *
     * @throws IllegalArgumentException if an array has another number of elements
     */
    public NoisedBatch {
        ForwardProcess.requireSize("noisyIds", noisyIds.length, rows, length);
        ForwardProcess.requireSize("targets", targets.length, rows, length);
        ForwardProcess.requireSize("sigma", sigma.length, rows, 1);
        ForwardProcess.requireSize("maskable", maskable.length, rows, length);
        ForwardProcess.requireSize("masked", masked.length, rows, length);
        if (blockSize < 1) {
            throw new IllegalArgumentException("blockSize must be positive, got " + blockSize);
        }
    }
}
