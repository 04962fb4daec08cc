package io.coda4j.coder.terminal;

import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Shows a text while it is denoised.
 *
 * <p>On an interactive terminal one frame is redrawn in place: given text is faint, masks are grey blocks, the tokens of
 * the current step are highlighted, and earlier ones run from red to green with the model's confidence. A frame that is
 * taller than the screen is cut to the rows around the newest tokens. {@link #close} replaces it by the whole text.
 *
 * <p>Elsewhere five frames are printed as plain text: the first, the last, and those at a quarter, half and three
 * quarters of the steps.
 */
public final class DenoisingView implements AutoCloseable {
    private static final int PLAIN_INTERVALS = 4;
    private static final int MASK_CELLS = 3;
    private static final int PROGRESS_CELLS = 20;
    private static final int GREY = 0x808080;
    private static final int BLACK = 0x000000;
    private static final int NEW_BACKGROUND = 0x5fd7ff;

    private final Terminal terminal;
    private final Ansi ansi;
    private final int steps;
    private final String mask;
    private final String replacement;
    private final boolean unicode;
    private int drawnRows;
    private int nextPlainFrame;
    private int lastStep;
    private boolean lastPrinted = true;
    private @Nullable List<Piece> last;

    /**
     * A view of one text.
     *
     * @param steps the number of denoising steps planned, at least 1; fewer may come
     */
    public DenoisingView(Terminal terminal, int steps) {
        if (steps < 1) {
            throw new IllegalArgumentException("steps must be at least 1, got " + steps);
        }
        this.terminal = terminal;
        this.ansi = terminal.ansi();
        this.steps = steps;
        this.unicode = terminal.canShow('░') && terminal.canShow('█') && terminal.canShow('\ufffd');
        this.mask = (unicode ? "░" : ".").repeat(MASK_CELLS);
        this.replacement = unicode ? "\ufffd" : "?";
    }

    /** Prints a text once, painted as a view paints it, without its status line. */
    public static void print(Terminal terminal, List<Piece> pieces) {
        var view = new DenoisingView(terminal, 1);
        var text = new StringBuilder();
        view.rows(pieces, terminal.isInteractive() ? terminal.width() - 1 : Integer.MAX_VALUE)
                .forEach(row -> text.append(view.paint(row)).append('\n'));
        view.print(text);
    }

    /**
     * Shows the text after a step.
     *
     * @param step 0 for the text before the first step, then 1 to {@code steps}
     */
    public void show(int step, List<Piece> pieces) {
        last = List.copyOf(pieces);
        lastStep = step;
        if (terminal.isInteractive()) {
            drawInPlace(step, last);
        } else {
            lastPrinted = (long) step * PLAIN_INTERVALS >= (long) nextPlainFrame * steps;
            if (lastPrinted) {
                printPlain(step, last);
                nextPlainFrame = (int) ((long) step * PLAIN_INTERVALS / steps) + 1;
            }
        }
    }

    /** Leaves the whole final text on the screen. */
    @Override
    public void close() {
        if (last == null) {
            return;
        }
        if (terminal.isInteractive()) {
            var frame = new StringBuilder(Ansi.cursorUp(drawnRows)).append(Ansi.clearBelow());
            rows(last, terminal.width() - 1)
                    .forEach(row -> frame.append(paint(row)).append('\n'));
            frame.append(status(lastStep, last)).append('\n');
            print(frame);
        } else if (!lastPrinted) {
            printPlain(lastStep, last);
        }
        last = null;
    }

    private void drawInPlace(int step, List<Piece> pieces) {
        // One column and one row stay free: writing into the last cell makes some terminals scroll.
        var rows = rows(pieces, terminal.width() - 1);
        int capacity = Math.max(1, terminal.height() - 2);
        int from = 0;
        int to = rows.size();
        if (rows.size() > capacity) {
            from = Math.clamp(focus(rows) - capacity / 2, 0, rows.size() - capacity);
            to = from + capacity;
        }
        var frame = new StringBuilder(Ansi.cursorUp(drawnRows));
        for (var row : rows.subList(from, to)) {
            frame.append(paint(row)).append(Ansi.clearLine()).append('\n');
        }
        var place = to - from < rows.size() ? "  lines %d-%d of %d".formatted(from + 1, to, rows.size()) : "";
        var status = status(step, pieces) + place;
        // A status line that wrapped would break the count of rows to move up by.
        frame.append(ansi.bold(status.substring(0, Math.min(status.length(), terminal.width() - 1))))
                .append(Ansi.clearLine())
                .append('\n')
                .append(Ansi.clearBelow());
        drawnRows = to - from + 1;
        print(frame);
    }

    private void printPlain(int step, List<Piece> pieces) {
        var frame = new StringBuilder("--- ").append(status(step, pieces)).append('\n');
        rows(pieces, Integer.MAX_VALUE).forEach(row -> frame.append(paint(row)).append('\n'));
        print(frame);
    }

    private void print(StringBuilder frame) {
        // One call per frame, so that nothing else gets in between and the screen does not flicker.
        terminal.out().print(frame.toString().replace("\n", System.lineSeparator()));
        terminal.out().flush();
    }

    private List<List<FrameLayout.Run>> rows(List<Piece> pieces, int width) {
        return FrameLayout.rows(pieces, width, mask, replacement);
    }

    /** The row to keep in sight: the first that changed, else the first with a mask, else the last. */
    private static int focus(List<List<FrameLayout.Run>> rows) {
        for (var wanted : List.of(State.NEW, State.MASKED)) {
            for (int i = 0; i < rows.size(); i++) {
                if (rows.get(i).stream().anyMatch(run -> run.state() == wanted)) {
                    return i;
                }
            }
        }
        return rows.size() - 1;
    }

    private String paint(List<FrameLayout.Run> row) {
        return row.stream().map(this::paint).collect(Collectors.joining());
    }

    private String paint(FrameLayout.Run run) {
        return switch (run.state()) {
            case GIVEN -> ansi.dim(run.text());
            case MASKED -> ansi.color(GREY, run.text());
            case NEW -> ansi.highlight(BLACK, NEW_BACKGROUND, run.text());
            case DONE -> ansi.color(confidenceColor(run.confidence()), run.text());
        };
    }

    /** Red at 0, amber at one half, green at 1, in tones that read on black and on white. */
    private static int confidenceColor(float confidence) {
        float c = Float.isNaN(confidence) ? 0 : Math.clamp(confidence, 0f, 1f);
        return c < 0.5f ? mix(0xd7452f, 0xc98a00, 2 * c) : mix(0xc98a00, 0x2f9e44, 2 * c - 1);
    }

    private static int mix(int from, int to, float share) {
        int color = 0;
        for (int shift = 16; shift >= 0; shift -= 8) {
            int a = from >> shift & 0xff;
            int b = to >> shift & 0xff;
            color |= Math.round(a + (b - a) * share) << shift;
        }
        return color;
    }

    private String status(int step, List<Piece> pieces) {
        long masked = pieces.stream().filter(p -> p.state() == State.MASKED).count();
        long given = pieces.stream().filter(p -> p.state() == State.GIVEN).count();
        long generated = pieces.size() - given;
        long filled = generated - masked;
        int bar = generated == 0 ? PROGRESS_CELLS : (int) (PROGRESS_CELLS * filled / generated);
        var confidence = pieces.stream()
                .filter(p -> p.state() == State.NEW || p.state() == State.DONE)
                .mapToDouble(Piece::confidence)
                .average();
        return "step %d/%d %s %d of %d tokens filled%s"
                .formatted(
                        step,
                        steps,
                        (unicode ? "█" : "#").repeat(bar) + (unicode ? "░" : ".").repeat(PROGRESS_CELLS - bar),
                        filled,
                        generated,
                        confidence.isPresent()
                                ? String.format(Locale.ROOT, ", confidence %.2f", confidence.getAsDouble())
                                : "");
    }
}
