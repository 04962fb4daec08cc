package io.coda4j.bench.decode;

import io.coda4j.bench.AtExit;
import io.coda4j.bench.JavaCommand;
import io.coda4j.bench.LastWords;
import io.coda4j.bench.MeasurementException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** A cell in a JVM of its own, with the flags of this one: nothing that was compiled or is held belongs to another. */
final class CellProcess {
    private final CellRequest request;
    private final Consumer<String> notes;
    private final IntConsumer progress;
    private @Nullable CellResult result;
    private final LastWords lastWords = new LastWords();

    private CellProcess(CellRequest request, Consumer<String> notes, IntConsumer progress) {
        this.request = request;
        this.notes = notes;
        this.progress = progress;
    }

    /**
     * Measures a cell; see {@link DecodeCell#measure}.
     *
     * @throws MeasurementException if it cannot be measured
     */
    static CellResult measure(CellRequest request, Consumer<String> notes, IntConsumer progress) {
        return new CellProcess(request, notes, progress).measure();
    }

    private CellResult measure() {
        var command = JavaCommand.withFlags();
        command.add("-cp");
        command.add(System.getProperty("java.class.path"));
        command.add(CellServer.class.getName());
        command.addAll(request.words());
        try {
            var process = new ProcessBuilder(command).redirectErrorStream(true).start();
            // A run that is interrupted must not leave one behind that computes for an hour.
            try (var _ = new AtExit(process::destroyForcibly);
                    var lines = process.inputReader(StandardCharsets.UTF_8)) {
                return listen(lines, process);
            } finally {
                process.destroyForcibly();
            }
        } catch (IOException e) {
            throw new UncheckedIOException("the process of " + request.name() + " cannot be started or heard", e);
        }
    }

    private CellResult listen(BufferedReader lines, Process process) throws IOException {
        for (var line = lines.readLine(); line != null; line = lines.readLine()) {
            if (line.startsWith(CellServer.MARK)) {
                var words = line.substring(CellServer.MARK.length()).split(" ", 2);
                accept(words[0], words[1]);
            } else {
                lastWords.add(line);
            }
        }
        if (result == null) {
            throw new MeasurementException(request.name() + ": " + end(process));
        }
        return result;
    }

    private void accept(String kind, String rest) {
        switch (kind) {
            case "note" -> notes.accept(rest);
            case "step" -> progress.accept(Integer.parseInt(rest));
            case "result" -> result = CellResult.MAPPER.readValue(rest, CellResult.class);
            case "failed" -> throw new MeasurementException(rest);
            default -> throw new IllegalStateException("the process of " + request.name() + " says " + kind);
        }
    }

    private String end(Process process) {
        try {
            return "its process ended with exit code " + process.waitFor() + " and no result; " + lastWords.said();
        } catch (InterruptedException _) {
            Thread.currentThread().interrupt();
            return "interrupted";
        }
    }
}
