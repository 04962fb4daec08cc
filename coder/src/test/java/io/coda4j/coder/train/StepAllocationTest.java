package io.coda4j.coder.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.testing.ChildJvm;
import java.io.IOException;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A compiled step allocates its results on the Java heap, and nothing else; see {@link StepAllocation}. */
class StepAllocationTest {
    private static final Pattern LINE = Pattern.compile("(.+): (\\d+) of (\\d+)");

    @ParameterizedTest
    @ValueSource(strings = {"alone", StepAllocation.AFTER_TABLE})
    void stepsAllocateTheirResultsAndNothingElse(String before) throws IOException, InterruptedException {
        var output = ChildJvm.output(List.of(), StepAllocation.class, before);
        var lines =
                output.lines().map(LINE::matcher).filter(line -> line.matches()).toList();
        assertEquals(2, lines.size(), output);
        for (var line : lines) {
            assertTrue(Long.parseLong(line.group(2)) <= Long.parseLong(line.group(3)), output);
        }
    }
}
