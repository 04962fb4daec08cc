package io.coda4j.coder.terminal;

import java.util.ArrayList;
import java.util.List;

/**
 * Breaks pieces of text into rows of at most a given number of cells. Line ends in the text start a new row, long lines
 * wrap, tabs go to the next multiple of four, and characters that could steer a terminal are replaced: the text comes
 * from a model.
 */
final class FrameLayout {
    /** A stretch of one row that has one state. */
    record Run(String text, State state, float confidence) {}

    private static final int TAB = 4;
    private static final int ZERO_WIDTH_NON_JOINER = 0x200c;
    private static final int ZERO_WIDTH_JOINER = 0x200d;

    private final int width;
    private final String mask;
    private final String replacement;
    private final List<List<Run>> rows = new ArrayList<>();
    private final StringBuilder text = new StringBuilder();
    private List<Run> row = new ArrayList<>();
    private int column;

    private FrameLayout(int width, String mask, String replacement) {
        this.width = width;
        this.mask = mask;
        this.replacement = replacement;
    }

    /**
     * Lays out the pieces.
     *
     * @param mask the text that stands for a masked token
     * @param replacement one character to show in place of a control character
     */
    static List<List<Run>> rows(List<Piece> pieces, int width, String mask, String replacement) {
        var layout = new FrameLayout(width, mask, replacement);
        for (int i = 0; i < pieces.size(); i++) {
            layout.add(pieces.get(i), layout.shown(pieces, i));
        }
        layout.rows.add(layout.row);
        return layout.rows;
    }

    /** What a piece shows: a carriage return goes with the line feed behind it, which may be in a later piece. */
    private String shown(List<Piece> pieces, int index) {
        var piece = pieces.get(index);
        if (piece.state() == State.MASKED) {
            return mask;
        }
        var text = piece.text().replace("\r\n", "\n");
        return text.endsWith("\r") && startsWithLineFeed(pieces.subList(index + 1, pieces.size()))
                ? text.substring(0, text.length() - 1)
                : text;
    }

    private static boolean startsWithLineFeed(List<Piece> pieces) {
        return pieces.stream()
                .filter(piece -> piece.state() == State.MASKED || !piece.text().isEmpty())
                .findFirst()
                .filter(piece -> piece.state() != State.MASKED && piece.text().startsWith("\n"))
                .isPresent();
    }

    private void add(Piece piece, String shown) {
        shown.codePoints().forEach(codePoint -> {
            if (codePoint == '\n') {
                endRun(piece);
                endRow();
            } else if (codePoint == '\t') {
                put(" ".repeat(TAB - column % TAB), piece);
            } else {
                put(visible(codePoint), piece);
            }
        });
        endRun(piece);
    }

    private void put(String characters, Piece piece) {
        int cells = CharacterWidth.of(characters);
        if (column + cells > width) {
            endRun(piece);
            endRow();
        }
        text.append(characters);
        column += cells;
    }

    private void endRun(Piece piece) {
        if (!text.isEmpty()) {
            row.add(new Run(text.toString(), piece.state(), piece.confidence()));
            text.setLength(0);
        }
    }

    private void endRow() {
        rows.add(row);
        row = new ArrayList<>();
        column = 0;
    }

    private String visible(int codePoint) {
        int type = Character.getType(codePoint);
        boolean joins = codePoint == ZERO_WIDTH_JOINER || codePoint == ZERO_WIDTH_NON_JOINER;
        boolean harmful = type == Character.CONTROL
                || type == Character.SURROGATE
                || type == Character.LINE_SEPARATOR
                || type == Character.PARAGRAPH_SEPARATOR
                || type == Character.FORMAT && !joins;
        return harmful ? replacement : Character.toString(codePoint);
    }
}
