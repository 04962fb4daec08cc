package io.coda4j.bench.peers;

import io.coda4j.bench.JavaCommand;
import io.coda4j.bench.LastWords;
import io.coda4j.bench.MeasurementException;
import io.coda4j.tensor.DeviceException;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** An engine in a process of its own; see {@link EngineServer}. */
final class EngineProcess implements AutoCloseable {
    private static final String NOTE = "note ";
    private static final String FAILED = "failed ";

    private final String name;
    private final Process process;
    private final BufferedReader answers;
    private final PrintWriter requests;
    private final List<String> notes = new ArrayList<>();
    private final LastWords lastWords = new LastWords();
    private final String description;

    private EngineProcess(String name, Process process) {
        this.name = name;
        this.process = process;
        this.answers = process.inputReader(StandardCharsets.UTF_8);
        this.requests = new PrintWriter(process.outputWriter(StandardCharsets.UTF_8), true);
        lastWords.listenTo(process.errorReader(StandardCharsets.UTF_8));
        try {
            this.description = readDescription();
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /** The description, after what the engine has to say to people. */
    private String readDescription() {
        for (var line = answer(); ; line = answer()) {
            if (line.startsWith(NOTE)) {
                notes.add(line.substring(NOTE.length()));
            } else {
                return line.substring("ok ".length());
            }
        }
    }

    /**
     * Starts an engine in a JVM with the flags of this one.
     *
     * @param device of this engine; peers compute on the processor
     * @param libraries the folder with the peers' jars
     * @throws DeviceException if the device cannot be used
     */
    static EngineProcess start(String name, int threads, String device, Path libraries, Material material)
            throws IOException {
        var classPath = System.getProperty("java.class.path") + File.pathSeparator + libraries.resolve("*");
        var command = JavaCommand.withFlags();
        command.addAll(List.of("-cp", classPath, EngineServer.class.getName(), name, String.valueOf(threads), device));
        command.addAll(material.words());
        var builder = new ProcessBuilder(command);
        // Settings for other builds of OpenBLAS slow this one; OpenMP's would override the number of threads.
        for (var variable : List.of("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OMP_NUM_THREADS")) {
            builder.environment().remove(variable);
        }
        builder.environment().put("OMP_NUM_THREADS", String.valueOf(threads));
        builder.environment().put("OPENBLAS_NUM_THREADS", String.valueOf(threads));
        builder.environment().put("TOKENIZERS_PARALLELISM", "false");
        return new EngineProcess(name, builder.start());
    }

    String name() {
        return name;
    }

    String description() {
        return description;
    }

    /** What there is to say about the choice of the device. */
    List<String> notes() {
        return notes;
    }

    /**
     * Makes work ready; some elements of its result, or empty if this engine cannot do such work.
     *
     * @throws DeviceException if its device cannot do this one
     */
    Optional<double[]> prepare(String kind, int index) {
        requests.println("prepare " + kind + " " + index);
        var answer = answer();
        if (answer.startsWith("no ")) {
            return Optional.empty();
        }
        return Optional.of(Arrays.stream(answer.split(" "))
                .skip(1)
                .mapToDouble(Double::parseDouble)
                .toArray());
    }

    /** The seconds of a step of one run, measured over at least {@code seconds}. */
    double run(double seconds) {
        requests.println("run " + seconds);
        return Double.parseDouble(answer().split(" ")[1]);
    }

    private String answer() {
        try {
            var line = answers.readLine();
            if (line == null) {
                throw new MeasurementException("the process of " + name + " ended with exit code " + process.waitFor()
                        + "; " + lastWords.said());
            }
            if (line.startsWith(FAILED)) {
                throw new DeviceException(line.substring(FAILED.length()));
            }
            return line;
        } catch (IOException e) {
            throw new IllegalStateException("the process of " + name + " cannot be heard", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while waiting for " + name, e);
        }
    }

    @Override
    public void close() {
        // The end of its input ends the process.
        requests.close();
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException _) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
