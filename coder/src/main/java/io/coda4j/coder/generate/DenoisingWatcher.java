package io.coda4j.coder.generate;

import io.coda4j.coder.terminal.Piece;
import io.coda4j.coder.terminal.State;
import io.coda4j.coder.tokenizer.BpeTokenizer;
import io.coda4j.coder.tokenizer.StreamingDecoder;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.DenoiseRequest;
import io.coda4j.diffusion.sampling.RunListener;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;

/**
 * Follows the denoising of one row and tells after each step what has happened to each token. A character made of several
 * tokens stands on the last of them; the others show nothing.
 */
public final class DenoisingWatcher implements RunListener {
    /** Receives the tokens after each step; step -1 is the start. */
    @FunctionalInterface
    public interface Viewer {
        /** Shows one frame. */
        void show(int step, List<Piece> pieces);
    }

    private final BpeTokenizer tokenizer;
    private final int vocabularySize;
    private final int maskId;
    private final int from;
    private final Set<Integer> ends;
    private final Viewer viewer;
    private boolean[] given = {};
    private int[] committedAt = {};
    private float[] confidence = {};

    /**
     * A watcher that shows each step to {@code viewer}.
     *
     * @param vocabularySize of the model, the length of a row of logits; the tokenizer may have fewer tokens
     */
    public DenoisingWatcher(BpeTokenizer tokenizer, int vocabularySize, int maskId, Viewer viewer) {
        this(tokenizer, vocabularySize, maskId, 0, Set.of(), viewer);
    }

    /**
     * A watcher of the end of a row.
     *
     * @param from first column that is shown
     * @param ends tokens with which the text ends; nothing is shown from the first one on
     */
    public DenoisingWatcher(
            BpeTokenizer tokenizer, int vocabularySize, int maskId, int from, Set<Integer> ends, Viewer viewer) {
        this.tokenizer = tokenizer;
        this.vocabularySize = vocabularySize;
        this.maskId = maskId;
        this.from = from;
        this.ends = Set.copyOf(ends);
        this.viewer = viewer;
    }

    @Override
    public void begun(Canvas canvas) {
        given = new boolean[canvas.length()];
        for (int i = 0; i < given.length; i++) {
            given[i] = canvas.tokens()[i] != maskId;
        }
        committedAt = new int[canvas.length()];
        Arrays.fill(committedAt, -1);
        confidence = new float[canvas.length()];
        viewer.show(-1, pieces(-1, canvas));
    }

    @Override
    public void evaluated(DenoiseRequest request, int first, int count, float[] logits) {
        for (int n = 0; n < count; n++) {
            confidence[request.positions()[first + n]] =
                    greatestProbability(logits, n * vocabularySize, vocabularySize);
        }
    }

    private static float greatestProbability(float[] logits, int from, int count) {
        float max = Float.NEGATIVE_INFINITY;
        for (int i = from; i < from + count; i++) {
            max = Math.max(max, logits[i]);
        }
        double sum = 0;
        for (int i = from; i < from + count; i++) {
            sum += Math.exp(logits[i] - max);
        }
        return (float) (1 / sum);
    }

    @Override
    public void committed(int step, Canvas canvas) {
        for (int i = 0; i < canvas.length(); i++) {
            if (!given[i] && committedAt[i] < 0 && canvas.tokens()[i] != maskId) {
                committedAt[i] = step;
            }
        }
        viewer.show(step, pieces(step, canvas));
    }

    private List<Piece> pieces(int step, Canvas canvas) {
        var decoder = tokenizer.streamingDecoder(false);
        var pieces = new ArrayList<Piece>(canvas.length());
        for (int i = from; i < canvas.length() && !ends.contains(canvas.tokens()[i]); i++) {
            int token = canvas.tokens()[i];
            boolean isMasked = token == maskId;
            if (isMasked || !tokenizer.startsWithinCharacter(token)) {
                finish(decoder, pieces);
            }
            pieces.add(new Piece(isMasked ? "" : decoder.accept(token), state(i, step, isMasked), confidence[i]));
        }
        finish(decoder, pieces);
        return pieces;
    }

    /** Shows a character that nothing goes on with as unfinished, on the last of its pieces. */
    private static void finish(StreamingDecoder decoder, List<Piece> pieces) {
        var unfinished = decoder.finish();
        if (!unfinished.isEmpty()) {
            var last = pieces.removeLast();
            pieces.add(new Piece(last.text() + unfinished, last.state(), last.confidence()));
        }
    }

    private State state(int position, int step, boolean isMasked) {
        if (isMasked) {
            return State.MASKED;
        }
        if (given[position]) {
            return State.GIVEN;
        }
        return committedAt[position] == step ? State.NEW : State.DONE;
    }
}
