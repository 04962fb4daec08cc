package io.coda4j.tensor.cpu.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.testing.Requirement;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** GNU as and objdump, where they are installed for x86-64. */
final class Binutils {
    private Binutils() {}

    /** Ends the test where they are missing. */
    static void require() throws IOException {
        Optional<String> missing = Optional.empty();
        for (var program : List.of("as", "objdump")) {
            try {
                if (!run(program, "--help").matches("(?s).*(--64|x86-64).*")) {
                    missing = Optional.of("the " + program + " that is installed is not one for x86-64");
                }
            } catch (IOException _) {
                missing = Optional.of("binutils is not installed: there is no " + program);
            }
        }
        Requirement.require("binutils", missing);
    }

    private static String run(String... command) throws IOException {
        var process = new ProcessBuilder(command).redirectErrorStream(true).start();
        var text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            assertTrue(process.waitFor(60, TimeUnit.SECONDS), text);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        assertEquals(0, process.exitValue(), () -> String.join(" ", command) + "\n" + text);
        return text;
    }

    /** The bytes of each instruction as hexadecimal digits. */
    static Map<String, String> assemble(Path folder, List<String> instructions) throws IOException {
        var source = new ArrayList<>(List.of(".intel_syntax noprefix"));
        source.addAll(instructions);
        var text = Files.write(folder.resolve("table.s"), source);
        var listing = folder.resolve("table.lst");
        run(
                "as",
                "--64",
                // The listing has each line's bytes in one line, and no page heads.
                "-aln=" + listing,
                "--listing-lhs-width=16",
                "-o",
                folder.resolve("table.o").toString(),
                text.toString());
        var bytes = new LinkedHashMap<String, String>();
        for (var line : Files.readAllLines(listing)) {
            var parts = line.strip().split("\\s+", 3);
            if (parts.length == 3 && parts[1].matches("[0-9a-f]{4,}")) {
                // Groups of four bytes, a tab, the source.
                var tab = parts[2].indexOf('\t');
                var digits = parts[2].substring(0, tab).replace(" ", "").toLowerCase(Locale.ROOT);
                bytes.put(parts[2].substring(tab + 1), digits);
            }
        }
        return bytes;
    }

    /** The instructions of {@code code} as objdump prints them, operands included. */
    static List<String> disassemble(Path folder, byte[] code) throws IOException {
        var file = Files.write(folder.resolve("code.bin"), code);
        return run(
                        "objdump",
                        "-D",
                        "-b",
                        "binary",
                        "-m",
                        "i386:x86-64",
                        "-M",
                        "intel",
                        "--no-show-raw-insn",
                        file.toString())
                .lines()
                .filter(line -> line.matches("\\s+[0-9a-f]+:\\t.*"))
                .map(line -> line.substring(line.indexOf('\t') + 1).strip())
                .toList();
    }
}
