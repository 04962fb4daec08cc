package io.coda4j.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScalingCommandTest {
    /** In the middle round both are slow: the speedup is the median of ratios, not the ratio of medians. */
    @Test
    void speedupsAreMediansOverRounds() {
        double[][] seconds = {{2, 9, 3}, {1, 6, 2}};
        double[][] peaks = {{50, 60, 20}, {100, 108, 60}};
        var rows = ScalingCommand.rows(List.of(1, 4), seconds, peaks);
        assertEquals(List.of(new ScalingCommand.Row(1, 3, 1, 50, 1), new ScalingCommand.Row(4, 2, 1.5, 100, 2)), rows);
    }

    private static String refusal(String... args) {
        var err = new StringWriter();
        var line = Main.commandLine().setErr(new PrintWriter(err, true));
        assertEquals(2, line.execute(args));
        return err.toString();
    }

    @Test
    void badNumbersAreRefusedBeforeAnythingIsMeasured() {
        assertTrue(refusal("scaling", "--threads", "0").contains("--threads: from 1 to "));
        assertTrue(refusal("scaling", "--threads", "1,100000").contains("got 100000"));
        assertTrue(refusal("scaling", "--rounds", "0").contains("--rounds: at least 1 expected, got 0"));
        assertTrue(refusal("peers", "--threads", "100000").contains("got 100000"));
        assertTrue(refusal("profile", "--lines", "-1").contains("--lines: at least 0 expected, got -1"));
        assertTrue(refusal("scaling", "--model", "huge").contains("no workload is called 'huge'"));
        assertTrue(refusal("profile", "--model", "huge").contains("known: demo, 12x768"));
    }

    @Test
    void eachCommandTellsTheVersionOfCoda() {
        for (var command : Main.commandLine().getSubcommands().keySet()) {
            var out = new StringWriter();
            var line = Main.commandLine().setOut(new PrintWriter(out, true));
            assertEquals(0, line.execute(command, "--version"));
            assertEquals(io.coda4j.coder.cli.Main.VERSION, out.toString().strip(), command);
        }
    }

    @Test
    void aValueThatBeginsWithAnAtIsNotReplacedByAFile(@TempDir Path folder) throws IOException {
        var file = Files.writeString(folder.resolve("args"), "gigantic");
        assertTrue(refusal("scaling", "--model", "@" + file).contains("no workload is called '@" + file + "'"));
    }
}
