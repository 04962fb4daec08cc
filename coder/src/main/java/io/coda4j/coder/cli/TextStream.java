package io.coda4j.coder.cli;

import io.coda4j.coder.tokenizer.BpeTokenizer;
import io.coda4j.coder.tokenizer.StreamingDecoder;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.RunListener;
import java.io.PrintStream;
import java.util.Set;

/** Prints the text before the first mask of a row as it grows, whole characters at a time. */
final class TextStream implements RunListener {
    private final StreamingDecoder decoder;
    private final int maskId;
    private final int firstMask;
    private final Set<Integer> ends;
    private final PrintStream out;
    private int next;
    private boolean ended;

    /**
     * A stream of a row's tokens.
     *
     * @param from first column to print
     * @param firstMask column from which on the model may end the text
     * @param ends tokens that end it
     */
    TextStream(BpeTokenizer tokenizer, int maskId, int from, int firstMask, Set<Integer> ends, PrintStream out) {
        this.decoder = tokenizer.streamingDecoder(false);
        this.maskId = maskId;
        this.next = from;
        this.firstMask = firstMask;
        this.ends = ends;
        this.out = out;
    }

    /** Prints tokens that stand outside the canvas, if the text has not ended. */
    void given(int[] tokens) {
        var text = new StringBuilder();
        for (int i = 0; i < tokens.length && !ended; i++) {
            text.append(decoder.accept(tokens[i]));
        }
        out.print(text);
        out.flush();
    }

    @Override
    public void begun(Canvas canvas) {
        print(canvas.row(0));
    }

    @Override
    public void committed(int step, Canvas canvas) {
        print(canvas.row(0));
    }

    private void print(int[] tokens) {
        var text = new StringBuilder();
        while (!ended && next < tokens.length && tokens[next] != maskId) {
            if (next >= firstMask && ends.contains(tokens[next])) {
                ended = true;
            } else {
                text.append(decoder.accept(tokens[next++]));
            }
        }
        if (!text.isEmpty()) {
            out.print(text);
            out.flush();
        }
    }

    /** Prints what the last character lacks. */
    void finish() {
        out.print(decoder.finish());
        out.flush();
    }
}
