package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.train.SmallRun;
import io.coda4j.tensor.opencl.ClDeviceProvider;
import io.coda4j.tensor.spi.Devices;
import io.coda4j.tensor.testing.Requirement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What can be wrong with OpenCL, each in a process of its own: without {@code auto} one line and exit code 2, with it the
 * next device and a line that says why.
 */
class DeviceErrorsTest {
    @TempDir
    private Path folder;

    private Path recipe;

    @BeforeEach
    void writeRecipe() throws IOException {
        recipe = Files.writeString(folder.resolve("small.yaml"), new SmallRun(folder).yaml(2, 1));
    }

    private static void requireOpenCl() {
        Requirement.require("opencl", new ClDeviceProvider().unusableBecause());
    }

    private Invocation train(String device, Map<String, String> environment) throws IOException, InterruptedException {
        var args = List.of("train", "--config", recipe.toString(), "--out", out().toString(), "--device", device);
        return CodaProcess.start(folder, environment, args).await();
    }

    private Path out() {
        return folder.resolve("run");
    }

    private void refuses(Map<String, String> environment, String... words) throws IOException, InterruptedException {
        var outcome = train("opencl", environment);
        outcome.complains(2, List.of(words));
        assertEquals("", outcome.out());
        assertTrue(Files.notExists(out()), "a folder was left");
    }

    /** Runs with {@code auto}, whose first line must contain {@code words}. */
    private void goesOnWithout(Map<String, String> environment, String... words)
            throws IOException, InterruptedException {
        var outcome = train("auto", environment);
        assertEquals(0, outcome.code(), outcome::toString);
        var said = outcome.err()
                .lines()
                .filter(line -> line.startsWith("device auto: "))
                .toList();
        assertEquals(1, said.size(), outcome::toString);
        assertTrue(said.getFirst()
                .startsWith("device auto: cpu (" + Devices.defaultDevice().description()));
        for (var word : words) {
            assertTrue(said.getFirst().contains(word), outcome::toString);
        }
        assertTrue(Files.exists(out().resolve("model").resolve("model.safetensors")));
    }

    @Test
    void noSuchKernelsOnTheCpu() throws IOException, InterruptedException {
        train("cpu", Map.of("JAVA_TOOL_OPTIONS", "-Dcoda.kernels=fast"))
                .complains(2, List.of("-Dcoda.kernels=fast: expected auto, vector or x86"));
        train("cpu", Map.of("JAVA_TOOL_OPTIONS", "-Dcoda.x86.mask=amx"))
                .complains(2, List.of("-Dcoda.x86.mask=amx: expected a comma list of [fma, avx2, ", "got 'amx'"));
    }

    @Test
    void noLibrary() throws IOException, InterruptedException {
        var libraries = Files.createDirectories(folder.resolve("lib"));
        for (var name : new String[] {"libOpenCL.so.1", "libOpenCL.so"}) {
            Files.writeString(libraries.resolve(name), "not a library\n");
        }
        var environment = Map.of("LD_LIBRARY_PATH", libraries.toString());
        var reason = "the OpenCL library cannot be loaded (libOpenCL.so.1 or libOpenCL.so)";
        refuses(environment, "device opencl cannot be used: " + reason, "apt install pocl-opencl-icd");
        goesOnWithout(environment, "not opencl: " + reason);
    }

    @Test
    void noNativePartOfJocl() throws IOException, InterruptedException {
        requireOpenCl();
        var file = Files.writeString(folder.resolve("file"), "no folder");
        var environment = Map.of("JAVA_TOOL_OPTIONS", "-Djava.io.tmpdir=" + file);
        refuses(environment, "device opencl cannot be used: JOCL's native library cannot be loaded");
    }

    @Test
    void noDriver() throws IOException, InterruptedException {
        requireOpenCl();
        var environment = Map.of(
                "OCL_ICD_VENDORS",
                Files.createDirectories(folder.resolve("vendors")).toString());
        var reason = "no OpenCL platform answers (CL_PLATFORM_NOT_FOUND_KHR)";
        refuses(environment, "device opencl cannot be used: " + reason, "apt install pocl-opencl-icd");
        goesOnWithout(environment, "not opencl: " + reason);
    }

    @Test
    void noSuchDevice() throws IOException, InterruptedException {
        requireOpenCl();
        train("opencl:99", Map.of()).complains(2, List.of("device opencl:99: expected the number of a device: 0 ("));
    }

    /** PoCL adds these options to its own; other drivers ignore the variable. */
    @Test
    void aDriverThatCompilesNothing() throws IOException, InterruptedException {
        requireOpenCl();
        Requirement.require("pocl", isPocl() ? Optional.empty() : Optional.of("this is not PoCL"));
        var cache = folder.resolve("cache");
        var environment = Map.of("POCL_EXTRA_BUILD_FLAGS", "-Dfloat=nonsense", "CODA_OPENCL_CACHE", cache.toString());
        refuses(
                environment,
                "opencl:0: the driver's compiler failed with CL_BUILD_PROGRAM_FAILURE",
                "unknown type name 'nonsense'",
                "source and log are in " + cache);
        try (var files = Files.list(cache)) {
            assertTrue(files.allMatch(file -> file.toString().endsWith(".refused.cl")));
        }
    }

    private static boolean isPocl() {
        try (var device = new ClDeviceProvider().open("0")) {
            return device.description().contains("PoCL");
        }
    }

    @Test
    void tooLittleMemory() throws IOException, InterruptedException {
        requireOpenCl();
        var outcome = train("opencl", Map.of("CODA_OPENCL_MEMORY", "250000"));
        outcome.complains(
                2,
                List.of(
                        "program train_step needs ",
                        " at its peak for values between its equations",
                        "opencl:0 cannot allocate ",
                        "it has 250,000 bytes of memory"));
    }

    /** Each opens its device before the folder that is not there; training and the demo are above. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "tune",
                "parity none",
                "verify-checkpoint none",
                "generate --model none --prompt x",
                "infill --model none --prefix x --suffix y --tokens 2",
                "chat --model none"
            })
    void everyCommandChoosesADevice(String command) {
        var args = (command + " --device auto").split(" ");
        var outcome = Invocation.of(args);
        var lines = outcome.err().lines().toList();
        assertTrue(lines.getFirst().startsWith("device auto: "), outcome::toString);
        assertTrue(lines.get(1).startsWith("coda: "), outcome::toString);
        assertEquals(2, lines.size(), outcome::toString);
        assertEquals(2, outcome.code(), outcome::toString);
    }
}
