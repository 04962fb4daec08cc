package io.coda4j.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.tensor.testing.FullDisk;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class StandardOutputTest {
    @Test
    void resultsThatCannotBeWrittenAreNoSuccess() {
        var standardOut = System.out;
        var standardErr = System.err;
        var err = new ByteArrayOutputStream();
        try {
            System.setOut(new PrintStream(new FullDisk(), true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
            assertEquals(2, Main.run("--help"));
        } finally {
            System.setOut(standardOut);
            System.setErr(standardErr);
        }
        assertEquals(
                "coda: standard output: not all of it could be written; is the disk full?",
                err.toString(StandardCharsets.UTF_8).strip());
    }
}
