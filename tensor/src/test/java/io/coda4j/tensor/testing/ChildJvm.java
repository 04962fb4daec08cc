package io.coda4j.tensor.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A JVM of its own for what other tests must not disturb, with the flags of {@code ./coda} and this class path. */
public final class ChildJvm {
    /** The flags, from the folder of any module. */
    public static final String FLAGS = "@../tensor/java.args";

    private ChildJvm() {}

    /** What {@code main} prints to both streams; an exit code other than 0 fails the test. */
    public static String output(List<String> furtherFlags, Class<?> main, String... args)
            throws IOException, InterruptedException {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add(FLAGS);
        command.addAll(furtherFlags);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), main.getName()));
        command.addAll(List.of(args));
        var process = new ProcessBuilder(command).redirectErrorStream(true).start();
        var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        return output;
    }
}
