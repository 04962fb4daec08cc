package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.DeviceException;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;

/** An {@link AotWorker} in another process. */
final class AotProcess {
    /** Without it a TPU's plugin asks a server that only the cloud has, without end. */
    private static final String NO_METADATA = "TPU_SKIP_MDS_QUERY";

    /** Without it a TPU's plugin serves one process at a time. */
    private static final String SEVERAL_LOADS = "ALLOW_MULTIPLE_LIBTPU_LOAD";

    private static final int LOG_LINES = 12;

    private AotProcess() {}

    /**
     * Asks a new process.
     *
     * @throws DeviceException if it ends without an answer; the message has the end of what it printed
     */
    static AotAnswer ask(AotRequest request) {
        try {
            var folder = Files.createTempDirectory("coda-aot");
            try {
                return ask(request, folder);
            } finally {
                delete(folder);
            }
        } catch (IOException e) {
            throw new DeviceException("compiling in another process: " + e, e);
        }
    }

    private static AotAnswer ask(AotRequest request, Path folder) throws IOException {
        var question = folder.resolve("request");
        var answer = folder.resolve("answer");
        var log = folder.resolve("log");
        try (var out = new ObjectOutputStream(new BufferedOutputStream(Files.newOutputStream(question)))) {
            out.writeObject(request);
        }
        var builder = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                // The memory is for the plugin.
                "-Xmx2g",
                "-XX:+UseSerialGC",
                "-cp",
                System.getProperty("java.class.path"),
                AotWorker.class.getName(),
                question.toString(),
                answer.toString());
        builder.environment().put(NO_METADATA, "1");
        builder.environment().put(SEVERAL_LOADS, "1");
        builder.redirectErrorStream(true).redirectOutput(log.toFile());
        int code = end(builder.start());
        if (code != 0) {
            throw new DeviceException(request.library() + ": the process that compiles ended with code " + code
                    + "; it said:\n" + lastLines(log));
        }
        try (var in = new ObjectInputStream(new BufferedInputStream(Files.newInputStream(answer)))) {
            var read = in.readObject();
            if (read instanceof AotFailure(var message)) {
                throw new DeviceException(message);
            }
            return (AotAnswer) read;
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException("both processes run the same classes", e);
        }
    }

    /** The process ends with this one, and this thread's interruption ends it. */
    private static int end(Process process) {
        var hook = new Thread(process::destroyForcibly);
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            return process.waitFor();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new DeviceException("interrupted while another process compiles", e);
        } finally {
            process.destroyForcibly();
            Runtime.getRuntime().removeShutdownHook(hook);
        }
    }

    /** The line with which the plugin ended the process, else the last lines. */
    private static String lastLines(Path log) throws IOException {
        var lines = new String(Files.readAllBytes(log), StandardCharsets.UTF_8)
                .lines()
                .toList();
        var fatal = lines.stream().filter(line -> line.matches("F\\d{4} .*")).findFirst();
        return fatal.orElseGet(() ->
                String.join("\n", lines.subList(Math.max(0, lines.size() - LOG_LINES), lines.size())));
    }

    private static void delete(Path folder) throws IOException {
        List<Path> files;
        try (var walk = Files.walk(folder)) {
            files = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (var file : files) {
            Files.delete(file);
        }
    }
}
