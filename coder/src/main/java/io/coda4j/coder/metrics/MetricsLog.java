package io.coda4j.coder.metrics;

import io.coda4j.coder.files.AtomicFile;
import io.coda4j.coder.files.FileException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * The metrics file of a run: {@value #FILE_NAME} in the run's folder, one JSON object per line, only ever appended to.
 *
 * <p>Each line reaches the operating system in one write, so a run that is killed loses at most the end of its last
 * line. Readers ignore such a torn end.
 */
public final class MetricsLog implements AutoCloseable {
    /** The name of the file inside the run's folder. */
    public static final String FILE_NAME = "metrics.jsonl";

    private static final List<String> NOT_DETERMINISTIC = List.of("timing", "command", "environment");

    private static final JsonMapper JSON = JsonMapper.builder()
            .disable(MapperFeature.SORT_PROPERTIES_ALPHABETICALLY)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .build();

    private final Path file;
    private final OutputStream out;

    private MetricsLog(Path file, OutputStream out) {
        this.file = file;
        this.out = out;
    }

    /**
     * Whether the folder has a log with lines in it.
     *
     * @throws FileException if that cannot be found out
     */
    public static boolean isStarted(Path directory) {
        var file = directory.resolve(FILE_NAME);
        try {
            return Files.exists(file) && Files.size(file) > 0;
        } catch (IOException e) {
            throw new FileException(file, "cannot be read", e);
        }
    }

    /**
     * Starts the log of a new run and creates the folder if needed.
     *
     * @throws MetricsException if the folder already has a log with lines in it
     */
    public static MetricsLog create(Path directory) {
        var file = directory.resolve(FILE_NAME);
        try {
            Files.createDirectories(directory);
            if (isStarted(directory)) {
                throw new MetricsException(file + " already holds the metrics of a run. Resume that run, choose another"
                        + " folder, or delete the file.");
            }
            return open(file);
        } catch (IOException e) {
            throw new FileException(file, "cannot be created", e);
        }
    }

    /** Opens the log of a run that starts again from its first step: lines of the earlier attempt are dropped. */
    public static MetricsLog restart(Path directory) {
        var file = directory.resolve(FILE_NAME);
        try {
            Files.createDirectories(directory);
            AtomicFile.write(file, new byte[0]);
            return open(file);
        } catch (IOException e) {
            throw new FileException(file, "cannot be created", e);
        }
    }

    /**
     * Opens the log of a run that goes on from a checkpoint. Lines that were written after {@code step} are dropped, as
     * is a torn last line; the file is replaced in one move, so a crash leaves either the old or the new content.
     *
     * @param step the step of the checkpoint; lines of this step are kept
     */
    public static MetricsLog resume(Path directory, long step) {
        return resume(directory, step, line -> line.step() <= step);
    }

    /**
     * As {@link #resume(Path, long)}, for a run whose last step is {@code step}: all that is left of it is the last evaluation, so
     * lines of an earlier one are dropped too.
     */
    public static MetricsLog resumeAtEnd(Path directory, long step) {
        return resume(
                directory, step, line -> line.step() < step || line.step() == step && !(line instanceof EvalLine));
    }

    private static MetricsLog resume(Path directory, long step, Predicate<MetricsLine> kept) {
        var file = directory.resolve(FILE_NAME);
        try {
            Files.createDirectories(directory);
            if (Files.exists(file)) {
                truncate(file, kept);
            }
            return open(file);
        } catch (IOException e) {
            throw new FileException(file, "cannot be cut back to step " + step, e);
        }
    }

    /**
     * Reads the log in a run's folder. A last line without its line end is left out unless it is complete.
     *
     * @throws MetricsException if another line is not a valid metrics line
     */
    public static List<MetricsLine> read(Path directory) {
        var file = directory.resolve(FILE_NAME);
        try {
            return parse(file, Files.readAllBytes(file)).stream()
                    .map(Parsed::line)
                    .toList();
        } catch (IOException e) {
            throw new FileException(file, "cannot be read", e);
        }
    }

    /** The line as it is written to the file, without the line end. */
    public static String json(MetricsLine line) {
        return JSON.writerFor(MetricsLine.class).writeValueAsString(line);
    }

    /**
     * The line as JSON without {@code timing}, {@code command} and {@code environment}. Two runs of one seed on one
     * device give equal texts.
     */
    public static String deterministicJson(MetricsLine line) {
        var tree = (ObjectNode) JSON.readTree(json(line));
        return JSON.writeValueAsString(tree.remove(NOT_DETERMINISTIC));
    }

    /** Appends one line and hands it to the operating system before returning. */
    public synchronized void append(MetricsLine line) {
        try {
            // Unbuffered: one array, one write.
            out.write((json(line) + "\n").getBytes(StandardCharsets.UTF_8));
            out.flush();
        } catch (IOException e) {
            throw new FileException(file, "cannot be appended to", e);
        }
    }

    @Override
    public synchronized void close() {
        try {
            out.close();
        } catch (IOException e) {
            throw new FileException(file, "cannot be closed", e);
        }
    }

    private static MetricsLog open(Path file) throws IOException {
        return new MetricsLog(file, Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND));
    }

    private static void truncate(Path file, Predicate<MetricsLine> kept) throws IOException {
        var bytes = Files.readAllBytes(file);
        var content = new ByteArrayOutputStream(bytes.length);
        for (var parsed : parse(file, bytes)) {
            if (kept.test(parsed.line())) {
                content.writeBytes(parsed.text().getBytes(StandardCharsets.UTF_8));
                content.write('\n');
            }
        }
        AtomicFile.write(file, content.toByteArray());
    }

    private record Parsed(String text, MetricsLine line) {}

    private static List<Parsed> parse(Path file, byte[] bytes) {
        var lines = new ArrayList<Parsed>();
        int start = 0;
        int number = 1;
        for (int i = 0; i < bytes.length; i++) {
            if (bytes[i] == '\n') {
                var text = new String(bytes, start, i - start, StandardCharsets.UTF_8);
                lines.add(new Parsed(text, parseLine(file, number, text)));
                start = i + 1;
                number++;
            }
        }
        if (start < bytes.length) {
            // No line end: either the write was torn, or someone's editor dropped it. A proper prefix of a JSON object
            // is never a JSON object, so trying tells which.
            var text = new String(bytes, start, bytes.length - start, StandardCharsets.UTF_8);
            if (isComplete(text)) {
                lines.add(new Parsed(text, parseLine(file, number, text)));
            }
        }
        return lines;
    }

    private static boolean isComplete(String text) {
        try {
            return JSON.readTree(text).isObject();
        } catch (JacksonException _) {
            return false;
        }
    }

    private static MetricsLine parseLine(Path file, int number, String text) {
        try {
            return JSON.readValue(text, MetricsLine.class);
        } catch (JacksonException e) {
            throw new MetricsException(
                    "%s line %d is not a metrics line: %s. Found: %s. Remove the line, or restore the file."
                            .formatted(file, number, e.getOriginalMessage(), excerpt(text)),
                    e);
        }
    }

    private static String excerpt(String text) {
        return text.length() <= 80 ? text : text.substring(0, 80) + "…";
    }
}
