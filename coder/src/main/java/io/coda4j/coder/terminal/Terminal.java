package io.coda4j.coder.terminal;

import java.io.PrintStream;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Where output goes, and what it can show.
 *
 * <p>A stream is interactive if Java's console is a terminal and {@code TERM} is not {@code dumb}. Colours follow {@code
 * NO_COLOR} (any value but the empty one turns them off), {@code CLICOLOR=0} (off), {@code CLICOLOR_FORCE} (on, even
 * without a terminal), {@code COLORTERM} and {@code TERM}, in this order.
 */
public final class Terminal {
    private final PrintStream out;
    private final boolean interactive;
    private final ColorDepth colors;
    private final Supplier<TerminalSize> size;

    private Terminal(PrintStream out, boolean interactive, ColorDepth colors, Supplier<TerminalSize> size) {
        this.out = out;
        this.interactive = interactive;
        this.colors = colors;
        this.size = size;
    }

    /**
     * The terminal behind {@link System#out} or {@link System#err}. Java calls its console a terminal only if input and
     * output both are one; with either redirected, output is plain.
     */
    public static Terminal of(PrintStream standardStream) {
        var console = System.console();
        var environment = System.getenv();
        return of(
                standardStream,
                console != null && console.isTerminal(),
                environment,
                TerminalSize.ofControllingTerminal(environment));
    }

    /** Plain output to any stream: no colours, nothing redrawn. */
    public static Terminal plain(PrintStream out) {
        return new Terminal(out, false, ColorDepth.NONE, () -> TerminalSize.DEFAULT);
    }

    static Terminal of(
            PrintStream out, boolean terminal, Map<String, String> environment, Supplier<TerminalSize> size) {
        boolean interactive = terminal && !environment.getOrDefault("TERM", "").equals("dumb");
        return new Terminal(out, interactive, depth(interactive, environment), size);
    }

    /** The stream to print to. */
    public PrintStream out() {
        return out;
    }

    /** Whether a person watches and the cursor can be moved. */
    public boolean isInteractive() {
        return interactive;
    }

    /** The colours to use. */
    public ColorDepth colors() {
        return colors;
    }

    /** Styles for this terminal's colours. */
    public Ansi ansi() {
        return new Ansi(colors);
    }

    /** Character cells per line, at least 20. */
    public int width() {
        return Math.max(20, size.get().columns());
    }

    /** Lines on the screen, at least 4. */
    public int height() {
        return Math.max(4, size.get().rows());
    }

    /** Whether the stream's encoding has this character, so that it will not come out as a question mark. */
    public boolean canShow(char character) {
        return out.charset().newEncoder().canEncode(character);
    }

    private static ColorDepth depth(boolean interactive, Map<String, String> environment) {
        if (!environment.getOrDefault("NO_COLOR", "").isEmpty()) {
            return ColorDepth.NONE;
        }
        var force = environment.getOrDefault("CLICOLOR_FORCE", "");
        boolean forced = !force.isEmpty() && !force.equals("0");
        boolean wanted =
                interactive && !environment.getOrDefault("CLICOLOR", "1").equals("0");
        return forced || wanted ? supported(environment) : ColorDepth.NONE;
    }

    private static ColorDepth supported(Map<String, String> environment) {
        var colorTerm = environment.getOrDefault("COLORTERM", "").toLowerCase(Locale.ROOT);
        if (colorTerm.equals("truecolor") || colorTerm.equals("24bit") || environment.containsKey("WT_SESSION")) {
            return ColorDepth.TRUECOLOR;
        }
        var term = environment.getOrDefault("TERM", "");
        return term.contains("256color") ? ColorDepth.ANSI256 : ColorDepth.ANSI16;
    }
}
