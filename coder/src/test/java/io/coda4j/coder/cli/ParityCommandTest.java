package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.nn.json.Json;
import io.coda4j.tensor.testing.FullDisk;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ParityCommandTest {
    @TempDir
    private Path folder;

    /** What a command printed and returned. */
    private record Outcome(int code, String out, String err) {}

    private static Outcome run(String... args) {
        return run(new ByteArrayOutputStream(), args);
    }

    private static Outcome run(OutputStream out, String... args) {
        var standardOut = System.out;
        var standardErr = System.err;
        var err = new ByteArrayOutputStream();
        try {
            System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
            int code = Main.run(args);
            return new Outcome(code, out.toString(), err.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(standardOut);
            System.setErr(standardErr);
        }
    }

    private void counts(String transfers) throws IOException {
        Files.writeString(
                Files.createDirectories(folder.resolve("sampler")).resolve("transfer_counts.json"),
                "[{\"masks\": 9, \"steps\": 1, \"transfers\": [9]}, {\"masks\": 4, \"steps\": 4, \"transfers\": "
                        + transfers + "}]");
    }

    @Test
    void aTableEndsWithASummaryAndSuccess() throws IOException {
        counts("[0, 1, 1, 2]");
        var outcome = run("parity", folder.toString());
        assertEquals(0, outcome.code, outcome.err);
        var lines = outcome.out.lines().toList();
        assertTrue(
                lines.getFirst().matches("family +case +max abs error +max rel error +tolerance +result"), outcome.out);
        assertTrue(lines.stream().anyMatch(line -> line.matches("sampler +transfer_counts/1 +0 +0 +exact +PASS")));
        assertTrue(lines.stream().anyMatch(line -> line.startsWith("train") && line.contains("SKIP: folder train/")));
        assertTrue(lines.getLast().startsWith("PASS: 2 passed, 0 failed, 6 skipped on cpu"), lines.getLast());
    }

    @Test
    void resultsThatCannotBeWrittenAreSaidWhateverTheyAre() throws IOException {
        for (var transfers : List.of("[0, 1, 1, 2]", "[1, 1, 1, 1]")) {
            counts(transfers);
            int code = run("parity", folder.toString()).code;
            var outcome = run(new FullDisk(), "parity", folder.toString());
            assertEquals(code == 0 ? 2 : code, outcome.code, outcome.err);
            assertEquals(
                    List.of("coda: standard output: not all of it could be written; is the disk full?"),
                    outcome.err.lines().toList());
        }
    }

    @Test
    void aFailureIsShownAndReturned() throws IOException {
        counts("[1, 1, 1, 1]");
        var outcome = run("parity", folder.toString(), "--device", "cpu:1");
        assertEquals(1, outcome.code, outcome.err);
        assertTrue(outcome.out.contains("4 masks in 4 steps[0]: expected 1, got 0"), outcome.out);
        assertTrue(outcome.out.lines().toList().getLast().startsWith("FAIL: 1 passed, 1 failed"), outcome.out);
    }

    @Test
    void jsonHoldsTheSameCases() throws IOException {
        counts("[1, 1, 1, 1]");
        var outcome = run("parity", "--json", folder.toString());
        assertEquals(1, outcome.code, outcome.err);
        var cases = Json.parse(outcome.out).asList();
        assertEquals(8, cases.size());
        var failed = cases.stream()
                .map(Json::asObject)
                .filter(result -> result.member("result").asString().equals("FAIL"))
                .toList();
        assertEquals(1, failed.size());
        assertEquals("transfer_counts/1", failed.getFirst().member("case").asString());
        assertEquals(1, failed.getFirst().member("max_abs_error").asDouble());
        assertEquals("exact", failed.getFirst().member("tolerance").asString());
        assertTrue(failed.getFirst().member("problem").asString().contains("expected 1, got 0"));
    }

    @Test
    void theRuleOfTolerancesIsPrintedWhereProductsAreOfBf16() throws IOException {
        counts("[0, 1, 1, 2]");
        var outcome = run("parity", folder.toString(), "--precision", "bf16");
        assertEquals(0, outcome.code, outcome.err);
        assertTrue(outcome.out.startsWith("bf16: tolerances are 3 x 2^-8 x sqrt(R / N) + "), outcome.out);
        outcome = run("parity", folder.toString(), "--precision", "int8");
        assertEquals(2, outcome.code);
        assertEquals(
                "coda: --precision must be f32 or bf16, got int8: no results are recorded with INT8 weights",
                outcome.err.strip());
    }

    @Test
    void otherFoldersAndDevicesAreBadInput() throws IOException {
        var outcome = run("parity", folder.resolve("none").toString());
        assertEquals(2, outcome.code);
        assertTrue(outcome.err.startsWith("coda: ") && outcome.err.contains("is not a folder"), outcome.err);
        assertEquals(2, run("parity", folder.toString()).code);
        assertEquals(2, run("parity").code);
        counts("[0, 1, 1, 2]");
        outcome = run("parity", folder.toString(), "--device", "abacus");
        assertEquals(2, outcome.code);
        assertTrue(outcome.err.contains("abacus"), outcome.err);
    }
}
