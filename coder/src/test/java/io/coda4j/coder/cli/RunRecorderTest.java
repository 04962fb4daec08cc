package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.coder.metrics.MetricsLog;
import io.coda4j.coder.terminal.Progress;
import io.coda4j.coder.train.RecipeFile;
import io.coda4j.coder.train.SmallRun;
import io.coda4j.coder.train.TrainingListener;
import io.coda4j.coder.train.TrainingRun;
import io.coda4j.tensor.spi.Devices;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunRecorderTest {
    @TempDir
    private Path folder;

    /** A progress that remembers what its budget paid for. */
    private static final class Paid implements Progress {
        private final List<Duration> used = new ArrayList<>();

        @Override
        public void update(long step, String message) {
            throw new AssertionError("step " + step + " was shown as if the budget paid for all the time that passes");
        }

        @Override
        public void update(long step, Duration used, String message) {
            this.used.add(used);
        }

        @Override
        public void println(String line) {}

        @Override
        public void close() {}
    }

    /** Evaluations and checkpoints take time as well, for which a budget of minutes does not pay. */
    @Test
    void progressIsShownByTheTimeSpentTraining() throws IOException {
        var file = Files.writeString(folder.resolve("recipe.yaml"), new SmallRun(folder).yaml(2, 1));
        var recipe = RecipeFile.read(file);
        try (var run = TrainingRun.prepare(folder.resolve("run"), recipe, false, Devices.defaultDevice(), _ -> {});
                var log = MetricsLog.create(folder.resolve("run"))) {
            var shown = new Paid();
            var recorder = new RunRecorder(log, run).showing(shown);
            recorder.stepped(new TrainingListener.Step(1, 0, 72, 1200, 6, new double[] {6}, 1e-3, 1, 40));
            recorder.stepped(new TrainingListener.Step(2, 0, 144, 1900, 5, new double[] {5}, 1e-3, 1, 40));
            assertEquals(List.of(Duration.ofMillis(1200), Duration.ofMillis(1900)), shown.used);
        }
    }
}
