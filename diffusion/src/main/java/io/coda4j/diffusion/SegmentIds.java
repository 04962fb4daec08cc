package io.coda4j.diffusion;

/** Document numbers of the tokens of packed rows, for attention that stays inside a document. */
public final class SegmentIds {
    private SegmentIds() {}

    /**
     * The number of end-of-document tokens strictly before each position of its row, {@code [B,L]}: an end token belongs to
     * the document it ends. Compute it from clean ids, before masking and truncation.
     */
    public static int[] of(int[] ids, int rows, int length, int endId) {
        ForwardProcess.requireSize("ids", ids.length, rows, length);
        var segments = new int[ids.length];
        for (int b = 0; b < rows; b++) {
            int ended = 0;
            for (int i = b * length; i < (b + 1) * length; i++) {
                segments[i] = ended;
                ended += ids[i] == endId ? 1 : 0;
            }
        }
        return segments;
    }
}
