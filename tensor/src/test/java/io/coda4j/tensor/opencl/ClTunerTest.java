package io.coda4j.tensor.opencl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.spi.Tunable.Trial;
import java.nio.file.Path;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClTunerTest {
    @TempDir
    private Path folder;

    @Test
    void theBestIsRememberedForTheNextDevice() {
        try (var device = ClTestDevice.open(ClDevice.Options.in(folder))) {
            assertEquals(ClTuning.DEFAULT, device.tuning());
            var trials = new ArrayList<Trial>();
            var best = new ClTuner(device, false, 64).best(trials::add);
            assertEquals(ClTuning.candidates(false).size(), trials.size());
            assertTrue(trials.stream()
                    .allMatch(trial -> trial.gigaflops() > 0 && trial.detail().isEmpty()));
            assertTrue(trials.stream()
                    .allMatch(trial -> trial.gigaflops() <= best.trial().gigaflops()));
            new ClCacheFolder(folder, device.info()).remember(new ClTuning(new ClTile(32, 64, 8), 192));
        }
        try (var device = ClTestDevice.open(ClDevice.Options.in(folder))) {
            assertEquals(new ClTuning(new ClTile(32, 64, 8), 192), device.tuning());
        }
    }

    @Test
    void whatIsNoTuningIsRefused() {
        for (var text : new String[] {"", "tile 64 64 16", "tile a 64 16 rows 96", "tile 60 64 16 rows 96", "x"}) {
            assertThrows(IllegalArgumentException.class, () -> ClTuning.parse(text), text);
        }
        assertEquals(ClTuning.DEFAULT, ClTuning.parse(ClTuning.DEFAULT.format()));
    }
}
