package io.coda4j.coder.cli;

import io.coda4j.tensor.testing.ChildJvm;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** The command line in a process of its own, for what cannot be done to the process of the tests. */
final class CodaProcess {
    private final Process process;
    private final Path out;
    private final Path err;

    private CodaProcess(Process process, Path out, Path err) {
        this.process = process;
        this.out = out;
        this.err = err;
    }

    /** Starts {@code coda} with {@code args}, its output going to files in {@code folder}. */
    static CodaProcess start(Path folder, List<String> args) throws IOException {
        return launch(folder, Map.of(), command(args));
    }

    /** As the other, with variables of the environment besides. */
    static CodaProcess start(Path folder, Map<String, String> environment, List<String> args) throws IOException {
        return launch(folder, environment, command(args));
    }

    /** Starts {@code coda} with {@code args} so that no file can become longer than {@code kilobytes}. */
    static CodaProcess startWithFullDisk(Path folder, int kilobytes, List<String> args) throws IOException {
        var limited = List.of("bash", "-c", "ulimit -f " + kilobytes + " && exec \"$@\"", "bash");
        return launch(
                folder,
                Map.of(),
                Stream.concat(limited.stream(), command(args).stream()).toList());
    }

    private static List<String> command(List<String> args) {
        var command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                ChildJvm.FLAGS,
                "-Xshare:auto",
                // Files of its own would count against the limit on their length.
                "-XX:-UsePerfData",
                "-cp",
                System.getProperty("java.class.path"),
                Main.class.getName()));
        command.addAll(args);
        return command;
    }

    private static CodaProcess launch(Path folder, Map<String, String> environment, List<String> command)
            throws IOException {
        var out = Files.createTempFile(folder, "out", ".txt");
        var err = Files.createTempFile(folder, "err", ".txt");
        var builder = new ProcessBuilder(command);
        builder.environment().putAll(environment);
        builder.redirectOutput(out.toFile()).redirectError(err.toFile());
        return new CodaProcess(builder.start(), out, err);
    }

    /** Waits for the end. */
    Invocation await() throws IOException, InterruptedException {
        if (!process.waitFor(120, TimeUnit.SECONDS)) {
            process.destroyForcibly();
            throw new AssertionError("no end after two minutes\n" + Files.readString(err));
        }
        return new Invocation(
                process.exitValue(),
                Files.readString(out, StandardCharsets.UTF_8),
                Files.readString(err, StandardCharsets.UTF_8));
    }

    long pid() {
        return process.pid();
    }

    boolean isAlive() {
        return process.isAlive();
    }

    /** Ends it as {@code kill -9} does, whatever it is doing. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }
}
