package io.coda4j.diffusion.sampling;

/**
 * Finishes rows whose text has ended: once no mask is left before the first end token that the model produced, nothing
 * behind it matters. Decided tokens never change, so neither does the text.
 */
final class EarlyEnd {
    private final UnmaskingSettings settings;

    /** {@code [rows]} the first column that was masked; end tokens before it belong to the prompt. */
    private final int[] starts;

    EarlyEnd(UnmaskingSettings settings, Canvas canvas) {
        this.settings = settings;
        this.starts = new int[canvas.rows()];
        for (int row = 0; row < starts.length; row++) {
            int column = 0;
            while (column < canvas.lengths()[row] && token(canvas, row, column) != settings.maskId()) {
                column++;
            }
            starts[row] = column;
        }
    }

    void apply(Canvas canvas) {
        if (!settings.ends().isEmpty()) {
            for (int row = 0; row < starts.length; row++) {
                apply(canvas, row);
            }
        }
    }

    private void apply(Canvas canvas, int row) {
        int end = canvas.lengths()[row];
        int column = starts[row];
        while (column < end
                && token(canvas, row, column) != settings.maskId()
                && !settings.ends().contains(token(canvas, row, column))) {
            column++;
        }
        if (column < end && token(canvas, row, column) != settings.maskId()) {
            for (; column < end; column++) {
                if (token(canvas, row, column) == settings.maskId()) {
                    canvas.tokens()[row * canvas.length() + column] = settings.filler();
                }
            }
        }
    }

    private static int token(Canvas canvas, int row, int column) {
        return canvas.tokens()[row * canvas.length() + column];
    }
}
