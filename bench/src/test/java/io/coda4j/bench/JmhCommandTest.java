package io.coda4j.bench;

import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.testing.ChildJvm;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

class JmhCommandTest {
    @Test
    void jmhGetsItsOptionsInTheirOrder() throws IOException, InterruptedException {
        var output =
                ChildJvm.output(List.of(), Main.class, "jmh", "-lp", "-p", "work=a kernel,another", "WorkBenchmark");
        assertTrue(output.contains("io.coda4j.bench.peers.WorkBenchmark.run"), output);
        assertTrue(output.contains("param \"work\" = {a kernel, another}"), output);
    }
}
