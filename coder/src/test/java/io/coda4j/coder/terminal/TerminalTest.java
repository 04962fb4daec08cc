package io.coda4j.coder.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class TerminalTest {
    private static Terminal terminal(boolean tty, Map<String, String> environment) {
        return Terminal.of(System.out, tty, environment, () -> TerminalSize.DEFAULT);
    }

    @Test
    void colorsFollowTheEnvironment() {
        assertEquals(ColorDepth.ANSI16, terminal(true, Map.of("TERM", "xterm")).colors());
        assertEquals(
                ColorDepth.ANSI256,
                terminal(true, Map.of("TERM", "xterm-256color")).colors());
        assertEquals(
                ColorDepth.TRUECOLOR,
                terminal(true, Map.of("TERM", "xterm-256color", "COLORTERM", "truecolor"))
                        .colors());
        assertEquals(
                ColorDepth.NONE,
                terminal(true, Map.of("COLORTERM", "24bit", "NO_COLOR", "1")).colors());
        assertEquals(
                ColorDepth.TRUECOLOR,
                terminal(true, Map.of("COLORTERM", "24bit", "NO_COLOR", "")).colors());
        assertEquals(ColorDepth.NONE, terminal(true, Map.of("CLICOLOR", "0")).colors());
        assertEquals(ColorDepth.NONE, terminal(true, Map.of("TERM", "dumb")).colors());
    }

    @Test
    void aFileGetsColorsOnlyIfForced() {
        assertEquals(
                ColorDepth.NONE,
                terminal(false, Map.of("TERM", "xterm-256color")).colors());
        var forced = Map.of("TERM", "xterm-256color", "CLICOLOR_FORCE", "1");
        assertEquals(ColorDepth.ANSI256, terminal(false, forced).colors());
        assertFalse(terminal(false, forced).isInteractive());
        assertEquals(
                ColorDepth.NONE,
                terminal(false, Map.of("CLICOLOR_FORCE", "1", "NO_COLOR", "1")).colors());
    }

    @Test
    void noColorStillRedrawsButADumbTerminalDoesNot() {
        assertTrue(terminal(true, Map.of("NO_COLOR", "1")).isInteractive());
        assertFalse(terminal(true, Map.of("TERM", "dumb")).isInteractive());
    }

    @Test
    void readsTheSizeFromSttyOrTheEnvironment() {
        assertEquals(Optional.of(new TerminalSize(132, 43)), TerminalSize.parse("43 132\n"));
        assertEquals(Optional.empty(), TerminalSize.parse("0 0"));
        assertEquals(Optional.empty(), TerminalSize.parse(""));
        assertEquals(new TerminalSize(100, 24), TerminalSize.fromEnvironment(Map.of("COLUMNS", "100", "LINES", "x")));
    }

    @Test
    void mapsColorsToWhatTheTerminalHas() {
        assertEquals("\u001b[38;2;255;0;128mx\u001b[0m", new Ansi(ColorDepth.TRUECOLOR).color(0xff0080, "x"));
        assertEquals("\u001b[38;5;196mx\u001b[0m", new Ansi(ColorDepth.ANSI256).color(0xff0000, "x"));
        assertEquals("\u001b[38;5;244mx\u001b[0m", new Ansi(ColorDepth.ANSI256).color(0x808080, "x"));
        assertEquals("\u001b[31mx\u001b[0m", new Ansi(ColorDepth.ANSI16).color(0xaa0000, "x"));
        assertEquals("\u001b[1;97;104mx\u001b[0m", new Ansi(ColorDepth.ANSI16).highlight(0xffffff, 0x5555ff, "x"));
        assertEquals("x", new Ansi(ColorDepth.NONE).highlight(0, 0xffffff, "x"));
    }

    @Test
    void countsCells() {
        assertEquals(5, CharacterWidth.of("hello"));
        assertEquals(4, CharacterWidth.of("日本"));
        assertEquals(1, CharacterWidth.of("e\u0301"));
        assertEquals(2, CharacterWidth.of("😀"));
        assertEquals(3, CharacterWidth.of("░░░"));
        assertEquals(2, CharacterWidth.of("한"));
    }
}
