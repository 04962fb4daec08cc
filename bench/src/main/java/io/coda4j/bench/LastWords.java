package io.coda4j.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The last lines in which a process says something to people, for when it ends too early. */
public final class LastWords {
    private static final int LINES = 3;

    /** Warnings, log lines, and places in the code. */
    private static final Pattern NOISE =
            Pattern.compile("\\s*|WARNING.*|SLF4J.*|\\d\\d:\\d\\d:\\d\\d.*|\\s+(at|\\.\\.\\.) .*");

    private final Deque<String> lines = new ArrayDeque<>();
    private @Nullable Thread listener;

    /** Listens to {@code reader} until its end, on a thread of its own. */
    public void listenTo(BufferedReader reader) {
        listener = Thread.ofVirtual().name("last-words").start(() -> {
            try (reader) {
                reader.lines().forEach(this::add);
            } catch (IOException | UncheckedIOException e) {
                add("it cannot be heard: " + e.getMessage());
            }
        });
    }

    /** Takes note of a line, if it says something. */
    public synchronized void add(String line) {
        if (!NOISE.matcher(line).matches()) {
            lines.addLast(line.strip());
            if (lines.size() > LINES) {
                lines.removeFirst();
            }
        }
    }

    /** They, in one line, when there is nothing more to hear. */
    public String said() throws InterruptedException {
        if (listener != null) {
            listener.join();
        }
        synchronized (this) {
            return lines.isEmpty() ? "it said nothing" : "the last it said: " + String.join(" / ", lines);
        }
    }
}
