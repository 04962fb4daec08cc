package io.coda4j.coder.report;

import io.coda4j.coder.terminal.Piece;
import java.util.List;

/**
 * A text after one step of denoising.
 *
 * @param step 0 for the text before the first step
 * @param pieces its tokens
 */
public record Frame(int step, List<Piece> pieces) {
    public Frame {
        pieces = List.copyOf(pieces);
    }
}
