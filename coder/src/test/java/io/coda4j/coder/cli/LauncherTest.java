package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The script {@code coda}, in a checkout that holds nothing else, whose build is up to date. */
class LauncherTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

    @TempDir
    private Path work;

    private Path script;

    @BeforeEach
    void makeACheckout() throws IOException {
        Assumptions.assumeTrue(Files.isExecutable(Path.of("/bin/sh")), "the launcher is a script for sh");
        for (var name : List.of("coda", ".mvn/jdk25.sh", "tensor/java.args", "pom.xml", "recipes/demo.yaml")) {
            copy(name);
        }
        for (var module : List.of("tensor", "autograd", "nn", "tpu-backend", "diffusion", "coder")) {
            copy(module + "/pom.xml");
        }
        script = work.resolve("coda");
        Files.createDirectories(work.resolve("coder/target/lib"));
        Files.createFile(work.resolve("coder/target/coda.jar"));
        // Newer than all that it is made from, it is not made again.
        Files.setLastModifiedTime(
                Files.createFile(work.resolve("coder/target/classes.jsa")),
                FileTime.from(Instant.now().plusSeconds(60)));
    }

    private void copy(String name) throws IOException {
        var to = work.resolve(name);
        Files.createDirectories(to.getParent());
        Files.copy(ROOT.resolve(name), to, StandardCopyOption.COPY_ATTRIBUTES);
    }

    /** What a process with nothing in its environment but {@code variables} leaves; its errors are kept apart. */
    private Invocation run(Map<String, String> variables, List<String> command) throws Exception {
        var err = work.resolve("err");
        var builder = new ProcessBuilder(command).redirectError(err.toFile());
        builder.environment().keySet().removeIf(name -> !name.equals("PATH"));
        builder.environment().putAll(variables);
        var process = builder.start();
        var out = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Invocation(process.waitFor(), out, Files.readString(err));
    }

    /** A young generation that fills the heap, and an archive that is none: the JVM may warn of one and not of the other. */
    @Test
    void theVirtualMachineWarnsOnStandardError() throws Exception {
        Files.writeString(work.resolve("coder/target/classes.jsa"), "no archive");
        var variables = Map.of(
                "CODA_JAVA_HOME", System.getProperty("java.home"), "CODA_JAVA_OPTS", "-Xmx100m", "LC_ALL", "C.UTF-8");
        var shown = run(variables, List.of(script.toString(), "--show-command", "--help"));
        assertEquals(0, shown.code(), shown::toString);
        var flags = shown.out().substring(0, shown.out().indexOf(" -cp "));
        assertTrue(flags.contains("classes.jsa"), flags);
        var started = run(variables, List.of("/bin/sh", "-c", flags + " --version"));
        assertEquals(0, started.code(), started::toString);
        assertEquals(3, started.out().lines().count(), () -> "more than the version in " + started);
        assertTrue(started.err().contains("NewSize"), started::toString);
        assertTrue(started.err().lines().noneMatch(line -> line.contains("cds")), started::toString);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            ''                               | C.UTF-8
            LC_ALL=C                         | C.UTF-8
            LC_ALL=POSIX LANG=en_GB.UTF-8    | C.UTF-8
            LC_CTYPE=C LANG=en_GB.UTF-8      | C.UTF-8
            LANG=de_DE.ISO-8859-1            | C.UTF-8
            LC_ALL=C.utf8                    | C.utf8
            LC_CTYPE=de_DE.Utf-8@euro LANG=C | ''
            LANG=en_GB.UTF-8                 | ''
            """)
    void commandsRunInALocaleOfUtf8(String settings, String expected) throws Exception {
        var home = Files.createDirectories(work.resolve("jdk/bin")).getParent();
        Files.writeString(home.resolve("release"), "JAVA_VERSION=\"25\"\n");
        for (var name : List.of("java", "javac")) {
            var tool = Files.writeString(home.resolve("bin").resolve(name), "#!/bin/sh\necho \"${LC_ALL-}\"\n");
            assertTrue(tool.toFile().setExecutable(true));
        }
        var variables = new HashMap<>(Map.of("CODA_JAVA_HOME", home.toString()));
        for (var setting : settings.split(" ")) {
            int equals = setting.indexOf('=');
            if (equals > 0) {
                variables.put(setting.substring(0, equals), setting.substring(equals + 1));
            }
        }
        var ran = run(variables, List.of(script.toString(), "devices"));
        assertEquals(new Invocation(0, expected + "\n", ""), ran);
    }
}
