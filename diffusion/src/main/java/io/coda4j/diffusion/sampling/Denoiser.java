package io.coda4j.diffusion.sampling;

/** A model seen from the sampler: tokens in, one row of logits per wanted position out. */
public interface Denoiser {

    /** Length {@code V} of a row of logits. */
    int vocabularySize();

    /** Called before the first step of a run: nothing of an earlier run may show in the results of this one. */
    default void begin(Canvas canvas) {}

    /**
     * Runs the model once and delivers the logits that predict the token <em>at</em> each position of the request. A model whose
     * hidden states predict the next token reads them from the position before (from position 0 for position 0).
     */
    void denoise(DenoiseRequest request, LogitsSink sink);

    /** Writes the logits of all positions into one array. */
    @FunctionalInterface
    interface Rows {
        /**
         * Computes logits.
         *
         * @param tokens {@code [B*L]}
         * @param positions flat indices whose (already shifted) logits are wanted
         * @param out {@code [positions, V]}; may be longer
         */
        void logits(int[] tokens, int[] positions, float[] out);
    }

    /** A denoiser that computes all logits of a step in one piece, in an array that is kept between steps. */
    static Denoiser of(int vocabularySize, Rows rows) {
        return new Denoiser() {
            private float[] buffer = new float[0];

            @Override
            public int vocabularySize() {
                return vocabularySize;
            }

            @Override
            public void denoise(DenoiseRequest request, LogitsSink sink) {
                int needed = Math.multiplyExact(request.positions().length, vocabularySize);
                if (buffer.length < needed) {
                    buffer = new float[needed];
                }
                rows.logits(request.canvas().tokens(), request.positions(), buffer);
                sink.accept(0, request.positions().length, buffer);
            }
        };
    }
}
