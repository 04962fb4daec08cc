package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.metrics.EvalLine;
import io.coda4j.coder.metrics.MetricsLog;
import io.coda4j.coder.metrics.TrainLine;
import io.coda4j.coder.train.SmallRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Training in a process that is killed, or finds the disk full. */
class KilledRunTest {
    private static final int STEPS = 80;
    private static final int KILLS = 5;

    @TempDir
    private Path folder;

    @Test
    void aRunThatIsKilledAtAnyMomentAndResumedEqualsOneThatIsNot() throws IOException, InterruptedException {
        var small = new SmallRun(folder);
        var recipe = Files.writeString(folder.resolve("recipe.yaml"), small.yaml(STEPS, 4));
        var whole = folder.resolve("whole");
        var done = CodaProcess.start(folder, train(recipe, whole)).await();
        assertEquals(0, done.code(), done::toString);

        var killed = folder.resolve("killed");
        long seed = System.nanoTime();
        var random = new Random(seed);
        int kills = 0;
        for (int k = 1; k <= KILLS; k++) {
            var process = CodaProcess.start(folder, train(recipe, killed, "--resume"));
            awaitSteps(process, killed, STEPS * k / (KILLS + 2));
            Thread.sleep(random.nextInt(60));
            kills += process.isAlive() ? 1 : 0;
            process.kill();
        }
        var resumed =
                CodaProcess.start(folder, train(recipe, killed, "--resume")).await();
        assertEquals(0, resumed.code(), resumed::toString);
        assertTrue(kills > 0, "each run ended before it could be killed");
        assertEquals(losses(whole), losses(killed), () -> "killed with seed " + seed);
        assertArrayEquals(
                Files.readAllBytes(whole.resolve("model/model.safetensors")),
                Files.readAllBytes(killed.resolve("model/model.safetensors")),
                () -> "killed with seed " + seed);
    }

    @Test
    void aRunHasItsFolderForItselfUntilItIsKilled() throws IOException, InterruptedException {
        var small = new SmallRun(folder);
        var recipe = Files.writeString(folder.resolve("recipe.yaml"), small.yaml(100_000, 4));
        var run = folder.resolve("run");
        var first = CodaProcess.start(folder, train(recipe, run));
        try {
            awaitSteps(first, run, 1);
            CodaProcess.start(folder, train(recipe, run, "--resume"))
                    .await()
                    .complains(Main.USAGE, List.of(run + ": a run is going on in it (process " + first.pid() + ")"));
            assertTrue(first.isAlive(), "the first run ended early");
        } finally {
            first.kill();
        }
        var resumed = CodaProcess.start(folder, train(recipe, run, "--resume"));
        try {
            awaitSteps(resumed, run, (int) lastStep(run) + 1);
            assertTrue(resumed.isAlive(), "the run that was killed is in the way");
        } finally {
            resumed.kill();
        }
    }

    /** Waits until the run has recorded a step near {@code step}, so that the kills are spread over the run. */
    private static void awaitSteps(CodaProcess process, Path run, int step) throws IOException, InterruptedException {
        var file = run.resolve(MetricsLog.FILE_NAME);
        while (process.isAlive() && !(Files.exists(file) && Files.size(file) > 0 && lastStep(run) >= step)) {
            Thread.sleep(5);
        }
    }

    private static long lastStep(Path run) {
        var lines = MetricsLog.read(run);
        return lines.isEmpty() ? 0 : lines.getLast().step();
    }

    private static List<String> losses(Path run) {
        return MetricsLog.read(run).stream()
                .filter(line -> line instanceof TrainLine || line instanceof EvalLine)
                .map(MetricsLog::deterministicJson)
                .toList();
    }

    @Test
    void aFullDiskEndsTheRunWithOneLineAndNothingHalfWritten() throws IOException, InterruptedException {
        Assumptions.assumeTrue(Files.isExecutable(Path.of("/bin/bash")), "a full disk is played by bash's ulimit");
        var small = new SmallRun(folder);
        var recipe = Files.writeString(folder.resolve("recipe.yaml"), small.yaml(6, 3));
        var run = folder.resolve("full");
        CodaProcess.startWithFullDisk(folder, 50, train(recipe, run))
                .await()
                .complains(Main.USAGE, List.of("optimizer.safetensors", "cannot be written"));
        for (var path : Listing.of(run).keySet()) {
            assertTrue(!path.contains(".tmp") && !path.contains("unfinished") && !path.contains("step-"), path);
        }
        // With room again the run goes on.
        var resumed = CodaProcess.start(folder, train(recipe, run, "--resume")).await();
        assertEquals(0, resumed.code(), resumed::toString);
    }

    private static List<String> train(Path recipe, Path out, String... more) {
        return Stream.concat(
                        Stream.of("train", "--config", recipe.toString(), "--out", out.toString()), Arrays.stream(more))
                .toList();
    }
}
