package io.coda4j.coder.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.tensor.opencl.ClDeviceProvider;
import io.coda4j.tensor.spi.Devices;
import io.coda4j.tensor.testing.Requirement;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OpenClTrainingTest {
    private static final int STEPS = 200;

    @TempDir
    private Path folder;

    /** Sums in another order differ by rounding, about 1e-7 of the loss after 200 steps. */
    @Test
    void twoHundredStepsStayCloseToThoseOnTheCpu() throws IOException {
        Requirement.require("opencl", new ClDeviceProvider().unusableBecause());
        var small = new SmallRun(folder);
        // Neither evaluations nor checkpoints, which would be most of the time.
        var recipe = RecipeFile.parse("test", small.yaml(STEPS, 0).replace("evaluateEvery: 5", "evaluateEvery: 0"));
        var expected = small.train("cpu", recipe, false, Devices.defaultDevice(), TrainingListener.SILENT);
        try (var device = Devices.open("opencl:0")) {
            var got = small.train("opencl", recipe, false, device, TrainingListener.SILENT);
            assertEquals(STEPS, got.size());
            double worst = 0;
            for (int i = 0; i < STEPS; i++) {
                worst = Math.max(worst, Math.abs(got.get(i) - expected.get(i)) / expected.get(i));
            }
            assertEquals(0, worst, 1e-4);
        }
    }
}
