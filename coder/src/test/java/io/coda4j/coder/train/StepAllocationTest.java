package io.coda4j.coder.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A compiled step allocates its results on the Java heap, and nothing else; see {@link StepAllocation}. */
class StepAllocationTest {
    private static final Pattern LINE = Pattern.compile("(.+): (\\d+) of (\\d+)");

    @ParameterizedTest
    @ValueSource(strings = {"alone", StepAllocation.AFTER_TABLE})
    void stepsAllocateTheirResultsAndNothingElse(String before) throws IOException, InterruptedException {
        var process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "@../tensor/java.args",
                        "-cp",
                        System.getProperty("java.class.path"),
                        StepAllocation.class.getName(),
                        before)
                .redirectErrorStream(true)
                .start();
        var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        var lines =
                output.lines().map(LINE::matcher).filter(line -> line.matches()).toList();
        assertEquals(2, lines.size(), output);
        for (var line : lines) {
            assertTrue(Long.parseLong(line.group(2)) <= Long.parseLong(line.group(3)), output);
        }
    }
}
