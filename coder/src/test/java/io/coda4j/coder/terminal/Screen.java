package io.coda4j.coder.terminal;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** A stream in memory that plays a terminal, and shows what a person would see on it. */
final class Screen {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final Charset charset;
    private final PrintStream stream;
    private final Terminal terminal;

    private Screen(boolean tty, Charset charset, int columns, int rows, Map<String, String> environment) {
        this.charset = charset;
        this.stream = new PrintStream(bytes, false, charset);
        this.terminal = Terminal.of(stream, tty, environment, () -> new TerminalSize(columns, rows));
    }

    static Screen tty(int columns, int rows, Map<String, String> environment) {
        return new Screen(true, StandardCharsets.UTF_8, columns, rows, environment);
    }

    static Screen file(Charset charset) {
        return new Screen(false, charset, 80, 24, Map.of("TERM", "xterm-256color"));
    }

    Terminal terminal() {
        return terminal;
    }

    /** Everything that was written, escape sequences included. */
    String written() {
        stream.flush();
        return bytes.toString(charset);
    }

    /** The lines after all cursor movements, without styles and trailing blanks. Understands what this package writes. */
    List<String> visible() {
        var lines = new ArrayList<StringBuilder>(List.of(new StringBuilder()));
        int row = 0;
        int column = 0;
        var text = written().replaceAll("\u001b\\[[0-9;]*m", "");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\u001b') {
                int end = i + 2;
                while (Character.isDigit(text.charAt(end))) {
                    end++;
                }
                switch (text.charAt(end)) {
                    case 'A' -> row -= Integer.parseInt(text.substring(i + 2, end));
                    case 'K' -> lines.get(row).setLength(Math.min(lines.get(row).length(), column));
                    case 'J' -> {
                        lines.get(row).setLength(Math.min(lines.get(row).length(), column));
                        lines.subList(row + 1, lines.size()).clear();
                    }
                    default -> throw new AssertionError("unexpected sequence at " + text.substring(i, end + 1));
                }
                i = end;
            } else if (c == '\n') {
                row++;
                column = 0;
                if (row == lines.size()) {
                    lines.add(new StringBuilder());
                }
            } else if (c == '\r') {
                column = 0;
            } else {
                var line = lines.get(row);
                if (column < line.length()) {
                    line.setCharAt(column, c);
                } else {
                    line.append(c);
                }
                column++;
            }
        }
        return lines.stream().map(line -> line.toString().stripTrailing()).toList();
    }
}
