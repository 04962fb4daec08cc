package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.train.Recipe;
import io.coda4j.coder.train.RecipeFile;
import io.coda4j.coder.train.SmallRun;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.DeviceMemoryException;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.CpuDeviceProvider;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.DeviceChoice;
import io.coda4j.tensor.spi.DeviceProvider;
import io.coda4j.tensor.spi.Devices;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** With {@code --device auto}, a device that turns out to be too small is replaced by the next. */
class DeviceFallbackTest {
    @TempDir
    private Path folder;

    /** The CPU device, which runs out of memory at every program of the training itself. */
    private static final class Small implements Device {
        @Override
        public String name() {
            return "small";
        }

        @Override
        public String description() {
            return "made for this test";
        }

        @Override
        public Executable compile(Program program, Layout layout) {
            if (program.name().equals("train_step")) {
                throw new DeviceMemoryException("program train_step needs more than there is", null);
            }
            return Devices.defaultDevice().compile(program, layout);
        }

        @Override
        public Buffer upload(TensorType type, MemorySegment host) {
            return Devices.defaultDevice().upload(type, host);
        }

        @Override
        public void close() {}
    }

    private static final DeviceProvider SMALL = new DeviceProvider() {
        @Override
        public String kind() {
            return "opencl";
        }

        @Override
        public Optional<String> unusableBecause() {
            return Optional.empty();
        }

        @Override
        public Device open(String selector) {
            return new Small();
        }
    };

    private Recipe recipe() throws IOException {
        return RecipeFile.read(Files.writeString(folder.resolve("small.yaml"), new SmallRun(folder).yaml(2, 1)));
    }

    @Test
    void trainingGoesOnWithTheNextDevice() throws IOException {
        var recipe = recipe();
        var err = new ByteArrayOutputStream();
        var old = System.err;
        try {
            System.setErr(new PrintStream(err, true, StandardCharsets.UTF_8));
            var option = new DeviceOption(() -> new DeviceChoice(List.of(new CpuDeviceProvider(), SMALL)));
            new TrainingJob(recipe, folder.resolve("run"), false, option).run("train");
        } finally {
            System.setErr(old);
        }
        var said = err.toString(StandardCharsets.UTF_8)
                .lines()
                .filter(line -> line.startsWith("device auto: "))
                .toList();
        assertEquals(2, said.size(), said::toString);
        assertTrue(said.get(0).startsWith("device auto: small (made for this test)"), said::toString);
        assertTrue(said.get(1).startsWith("device auto: cpu "), said::toString);
        assertTrue(said.get(1).endsWith("; not small: program train_step needs more than there is"), said::toString);
        assertTrue(Files.exists(folder.resolve("run").resolve("model").resolve("model.safetensors")));
    }

    @Test
    void aChoiceOfOneDeviceFails() throws IOException {
        var recipe = recipe();
        var option = new DeviceOption(() -> new DeviceChoice(List.of(SMALL)));
        var job = new TrainingJob(recipe, folder.resolve("run"), false, option);
        var error = assertThrows(DeviceException.class, () -> job.run("train"));
        assertTrue(error.getMessage().contains("not small: program train_step needs"), error::getMessage);
    }
}
