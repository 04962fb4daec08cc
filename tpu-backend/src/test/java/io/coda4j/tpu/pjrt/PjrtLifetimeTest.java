package io.coda4j.tpu.pjrt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.exec.CacheFolder;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.testing.Requirement;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a device leaves behind: in memory nothing, on disk compiled programs. */
class PjrtLifetimeTest {
    private static final Program TWICE =
            Trace.of("twice", in -> List.of(in.getFirst().add(in.getFirst())), List.of(TensorType.f32(3)));

    @TempDir
    private Path folder;

    private final FakePlugin fake = new FakePlugin();

    @AfterEach
    void nothingIsLeft() {
        assertEquals(List.of(), fake.violations());
        assertEquals(List.of(), fake.leaks());
        fake.close();
    }

    private PjrtDevice open() {
        var options = new PjrtDevice.Options(Map.of(), new CacheFolder(folder), fake::print);
        return PjrtDevice.open("pjrt:fake", PjrtPlugin.at("fake", fake.api()), 0, options);
    }

    private static float[] twice(PjrtDevice device) {
        try (var executable = device.compile(TWICE, Layout.DENSE);
                var x = Array.of(Shape.of(3), 1, 2, 3f).to(device);
                var y = executable.run(List.of(x)).getFirst()) {
            return y.toFloats();
        }
    }

    /** All of its heap is in memory from the beginning, so that what grows is not the heap. */
    @Test
    void tenThousandStepsLeaveHandlesAndMemoryAsTheyWere() throws IOException, InterruptedException {
        Requirement.require(
                "linux",
                Files.exists(Path.of("/proc/self/status"))
                        ? Optional.empty()
                        : Optional.of("memory is measured in /proc/self/status, which this system does not have"));
        var process = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--add-modules=jdk.incubator.vector",
                        "--enable-native-access=ALL-UNNAMED",
                        "-Xms256m",
                        "-Xmx256m",
                        "-XX:+AlwaysPreTouch",
                        "-cp",
                        System.getProperty("java.class.path"),
                        ManySteps.class.getName(),
                        folder.toString())
                .redirectErrorStream(true)
                .start();
        var output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(0, process.waitFor(), output);
        assertTrue(output.contains("CLIENT=1 LOADED_EXECUTABLE=1 EXECUTABLE=0 BUFFER=1 EVENT=0 TOPOLOGY=0 "), output);
        assertTrue(output.contains("violations=[]") && output.contains("leaks=[]"), output);
        var grown = Pattern.compile("grown=(-?\\d+)").matcher(output);
        assertTrue(grown.find(), output);
        // The virtual machine itself grows by 12 to 19 MB, the copy that each step sends would be 160 MB.
        assertTrue(Long.parseLong(grown.group(1)) < 48_000_000, output);
    }

    @Test
    void theCollectorDestroysWhatNobodyClosed() throws InterruptedException {
        try (var device = open()) {
            for (int i = 0; i < 10; i++) {
                Array.of(Shape.of(3), 1, 2, 3f).to(device);
            }
            for (int i = 0; i < 100 && device.client().live(PjrtHandle.Kind.BUFFER) > 0; i++) {
                System.gc();
                Thread.sleep(20);
            }
            assertEquals(0, device.client().live(PjrtHandle.Kind.BUFFER));
        }
    }

    @Test
    void arraysOfAClosedDeviceSaySo() {
        Array x;
        try (var device = open()) {
            x = Array.of(Shape.of(3), 1, 2, 3f).to(device);
        }
        var error = assertThrows(IllegalStateException.class, x::toFloats);
        assertTrue(error.getMessage().contains("the client was closed"), error::getMessage);
        x.close();
    }

    @Test
    void memoryIsReportedAsTheCompilerPlanned() {
        try (var device = open();
                var executable = device.compile(TWICE, Layout.DENSE)) {
            assertEquals(24, executable.memory().arguments());
            assertEquals(8, executable.memory().donated());
            assertEquals("Fake v1, device 0 of 1, platform fake, PJRT C API 0.104", device.description());
        }
    }

    @Test
    void hostMemoryThatIsTooShortIsNotWrittenBehind() {
        try (var device = open();
                var arena = Arena.ofConfined();
                var _ = Scope.open()) {
            var x = Array.of(Shape.of(3), 1, 2, 3f).to(device);
            assertThrows(IndexOutOfBoundsException.class, () -> x.buffer().download(arena.allocate(8)));
            assertThrows(IndexOutOfBoundsException.class, () -> device.upload(TensorType.f32(3), arena.allocate(8)));
        }
    }

    @Test
    void compiledProgramsAreReusedByTheNextProcess() throws IOException {
        for (int process = 1; process <= 2; process++) {
            try (var device = open()) {
                assertArrayEquals(new float[] {2, 4, 6}, twice(device));
                assertEquals(process == 1 ? 1 : 0, device.compiled());
            }
        }
        assertEquals(1, fake.compiled());
        try (var entries = Files.list(folder)) {
            Files.write(entries.findFirst().orElseThrow(), new byte[100]);
        }
        try (var device = open()) {
            assertArrayEquals(new float[] {2, 4, 6}, twice(device));
            assertEquals(1, device.compiled(), "a damaged entry is compiled anew");
        }
    }

    @Test
    void pluginsThatCannotSerializeCompileAgain() {
        fake.undefine("Executable_Serialize");
        for (int process = 1; process <= 2; process++) {
            try (var device = open()) {
                assertArrayEquals(new float[] {2, 4, 6}, twice(device));
                assertEquals(process, fake.compiled());
            }
        }
    }
}
