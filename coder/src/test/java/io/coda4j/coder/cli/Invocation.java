package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * One call of the command line inside this process.
 *
 * @param code the exit code
 * @param out what was printed on standard output
 * @param err what was printed on standard error
 */
record Invocation(int code, String out, String err) {
    /** Calls {@code coda} with {@code args}. */
    static Invocation of(String... args) {
        var out = new ByteArrayOutputStream();
        var err = new ByteArrayOutputStream();
        var oldOut = System.out;
        var oldErr = System.err;
        try {
            System.setOut(new PrintStream(out, true, StandardCharsets.UTF_8));
            System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
            int code = Main.run(args);
            return new Invocation(code, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8));
        } finally {
            System.setOut(oldOut);
            System.setErr(oldErr);
        }
    }

    /** Demands an end with {@code expected} and one complaint that contains each of {@code words}. */
    void complains(int expected, List<String> words) {
        var complaints = err.lines().filter(line -> line.startsWith("coda: ")).toList();
        assertEquals(1, complaints.size(), () -> "complaints in\n" + this);
        var complaint = complaints.getFirst();
        for (var word : words) {
            assertTrue(complaint.contains(word) || after(complaint).contains(word), () -> word + " is not in\n" + this);
        }
        assertEquals(expected, code, this::toString);
        assertTrue(
                after(complaint)
                        .lines()
                        .allMatch(line -> line.startsWith("Try: ")
                                || line.startsWith("Did you mean: ")
                                || line.startsWith("Possible solutions: ")),
                () -> "something else follows the complaint in\n" + this);
        assertFalse(complaint.contains("Exception"), () -> "the name of a class in\n" + this);
        assertFalse(err.lines().anyMatch(line -> line.startsWith("\tat ")), () -> "a stack trace in\n" + this);
    }

    private String after(String line) {
        return err.substring(err.indexOf(line) + line.length()).stripLeading();
    }

    @Override
    public String toString() {
        return "exit code " + code + "\nstandard output:\n" + out + "standard error:\n" + err;
    }
}
