package io.coda4j.coder.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DenoisingViewTest {
    private static final String[] TOKENS = {"int ", "日本", " = ", "1", ";\n", "return ", "x", ";"};

    /** The first two tokens are given; each step fills one more. */
    private static List<Piece> frame(int step) {
        var pieces = new ArrayList<Piece>();
        for (int i = 0; i < TOKENS.length; i++) {
            var state = i < 2 ? State.GIVEN : i < step + 1 ? State.DONE : i == step + 1 ? State.NEW : State.MASKED;
            if (step == 0 && state == State.NEW) {
                state = State.MASKED;
            }
            pieces.add(new Piece(TOKENS[i], state, 0.5f));
        }
        return pieces;
    }

    private static void play(Screen screen, int steps) {
        try (var view = new DenoisingView(screen.terminal(), steps)) {
            for (int step = 0; step <= 6; step++) {
                view.show(step, frame(step));
            }
        }
    }

    @Test
    void aFileGetsFiveFramesWithoutEscapes() {
        var screen = Screen.file(StandardCharsets.UTF_8);
        play(screen, 6);
        var text = screen.written();
        assertFalse(text.contains("\u001b"), text);
        var headers = text.lines().filter(line -> line.startsWith("--- ")).toList();
        assertEquals(5, headers.size(), text);
        assertTrue(headers.getFirst().startsWith("--- step 0/6 "), text);
        assertTrue(headers.getFirst().endsWith("0 of 6 tokens filled"), text);
        assertTrue(headers.getLast().contains("step 6/6"), text);
        assertTrue(text.contains("int 日本░░░░░░░░░░░░░░░░░░\n"), text);
        assertTrue(text.endsWith("int 日本 = 1;\nreturn x;\n"), text);
    }

    @Test
    void theLastFrameIsPrintedWhenSamplingEndsEarly() {
        var screen = Screen.file(StandardCharsets.UTF_8);
        play(screen, 1000);
        assertEquals(
                2, screen.written().lines().filter(l -> l.startsWith("---")).count(), screen.written());
        assertTrue(screen.written().endsWith("return x;\n"), screen.written());
    }

    @Test
    void asciiOutputUsesAsciiMasks() {
        var screen = Screen.file(StandardCharsets.US_ASCII);
        play(screen, 6);
        assertTrue(screen.written().contains("int ??.................."), screen.written());
    }

    @Test
    void aTerminalIsRedrawnInPlace() {
        var screen = Screen.tty(80, 24, Map.of("TERM", "xterm-256color"));
        play(screen, 6);
        assertEquals(
                List.of(
                        "int 日本 = 1;",
                        "return x;",
                        "step 6/6 ████████████████████ 6 of 6 tokens filled, confidence 0.50",
                        ""),
                screen.visible());
        assertTrue(screen.written().contains("\u001b[1;38;5;16;48;5;81m = \u001b[0m"), "the new token is highlighted");
    }

    @Test
    void noColorMeansNoStylesAtAll() {
        var screen = Screen.tty(80, 24, Map.of("TERM", "xterm-256color", "NO_COLOR", "1"));
        play(screen, 6);
        assertFalse(screen.written().matches("(?s).*\u001b\\[[0-9;]*m.*"), screen.written());
        assertEquals("return x;", screen.visible().get(1));
    }

    @Test
    void aTallTextIsCutToTheScreenAroundTheNewestToken() {
        var screen = Screen.tty(40, 10, Map.of("NO_COLOR", "1"));
        var pieces = new ArrayList<Piece>();
        for (int i = 0; i < 100; i++) {
            pieces.add(new Piece("line " + i + "\n", i == 50 ? State.NEW : State.DONE, 1));
        }
        var view = new DenoisingView(screen.terminal(), 1);
        view.show(1, pieces);
        view.show(1, pieces);
        var visible = screen.visible();
        assertTrue(visible.size() <= 10, visible.toString());
        assertTrue(visible.contains("line 50"), visible.toString());
        assertTrue(visible.stream().allMatch(line -> line.length() < 40), visible.toString());
        view.close();
        assertEquals("line 0", screen.visible().getFirst());
        assertEquals("line 99", screen.visible().get(99));
    }

    @Test
    void longLinesWrapByCells() {
        var rows = FrameLayout.rows(
                List.of(new Piece("abc日本語x\ty", State.DONE, 1), new Piece("", State.MASKED, 0)), 6, "░░░", "?");
        assertEquals(List.of("abc日", "本語x", "   y░░", "░"), text(rows));
    }

    @Test
    void emptyLinesAndWindowsLineEndsSurvive() {
        var rows = FrameLayout.rows(List.of(new Piece("a\r\n\n", State.DONE, 1)), 10, "░", "?");
        assertEquals(List.of("a", "", ""), text(rows));
    }

    @Test
    void aWindowsLineEndMayBeSpreadOverPieces() {
        var pieces = List.of(
                new Piece("a\r", State.DONE, 1),
                new Piece("", State.DONE, 1),
                new Piece("\nb", State.NEW, 1),
                new Piece("\r", State.GIVEN, 1),
                new Piece("c\r", State.GIVEN, 1),
                new Piece("\n", State.MASKED, 1),
                new Piece("\r", State.GIVEN, 1));
        var rows = FrameLayout.rows(pieces, 10, "░", "?");
        assertEquals(List.of("a", "b?c?░?"), text(rows));
        assertEquals(new FrameLayout.Run("b", State.NEW, 1), rows.get(1).getFirst());
    }

    @Test
    void generatedTextCannotSteerTheTerminal() {
        var rows = FrameLayout.rows(
                List.of(new Piece("a\u001b[2Jb\u009b\u0007\u202ec\rd\ud800", State.NEW, 1)), 80, "░", "?");
        assertEquals(List.of("a?[2Jb???c?d?"), text(rows));
    }

    private static List<String> text(List<List<FrameLayout.Run>> rows) {
        return rows.stream()
                .map(row ->
                        String.join("", row.stream().map(FrameLayout.Run::text).toList()))
                .toList();
    }
}
