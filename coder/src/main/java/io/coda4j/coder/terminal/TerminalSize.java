package io.coda4j.coder.terminal;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The size of the controlling terminal in character cells. */
record TerminalSize(int columns, int rows) {
    static final TerminalSize DEFAULT = new TerminalSize(80, 24);

    private static final long REFRESH_NANOS = TimeUnit.SECONDS.toNanos(2);
    private static final File CONTROLLING_TERMINAL = new File("/dev/tty");

    /**
     * A supplier that asks the terminal at most every two seconds, so that a resize is noticed and asking stays cheap.
     * Where the terminal cannot be asked, {@code COLUMNS} and {@code LINES} count, then 80 by 24.
     */
    static Supplier<TerminalSize> ofControllingTerminal(Map<String, String> environment) {
        return new Supplier<>() {
            private TerminalSize last = DEFAULT;
            private long asked = System.nanoTime() - REFRESH_NANOS - 1;

            @Override
            public synchronized TerminalSize get() {
                long now = System.nanoTime();
                if (now - asked > REFRESH_NANOS) {
                    asked = now;
                    last = ask().orElseGet(() -> fromEnvironment(environment));
                }
                return last;
            }
        };
    }

    static TerminalSize fromEnvironment(Map<String, String> environment) {
        return new TerminalSize(
                positive(environment.get("COLUMNS"), DEFAULT.columns),
                positive(environment.get("LINES"), DEFAULT.rows));
    }

    /** Java has no call for the window size; {@code stty} is in POSIX. */
    private static Optional<TerminalSize> ask() {
        if (!CONTROLLING_TERMINAL.exists()) {
            return Optional.empty();
        }
        try {
            var process = new ProcessBuilder("stty", "size")
                    .redirectInput(CONTROLLING_TERMINAL)
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            var answer = new String(process.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            return parse(answer);
        } catch (IOException _) {
            // No stty, or no controlling terminal: the caller has a default, and a wrong width is no reason to stop.
            return Optional.empty();
        }
    }

    /** Parses "rows columns"; a terminal that does not know its size answers with zeros. */
    static Optional<TerminalSize> parse(String answer) {
        var parts = answer.strip().split(" ");
        if (parts.length != 2) {
            return Optional.empty();
        }
        var size = new TerminalSize(positive(parts[1], 0), positive(parts[0], 0));
        return size.columns > 0 && size.rows > 0 ? Optional.of(size) : Optional.empty();
    }

    private static int positive(@Nullable String text, int otherwise) {
        return text != null && text.matches("[1-9][0-9]{0,4}") ? Integer.parseInt(text) : otherwise;
    }
}
