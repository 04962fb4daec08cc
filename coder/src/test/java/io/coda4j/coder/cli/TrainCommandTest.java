package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.metrics.EvalLine;
import io.coda4j.coder.metrics.MetricsLine;
import io.coda4j.coder.metrics.MetricsLog;
import io.coda4j.coder.metrics.RunLine;
import io.coda4j.coder.metrics.TrainLine;
import io.coda4j.coder.train.SmallRun;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code coda train} records of a run. */
class TrainCommandTest {
    @TempDir
    private Path folder;

    private Path recipe(int steps, int checkpointEvery) throws IOException {
        var file = Files.createDirectories(folder.resolve("my recipes")).resolve("it's small.yaml");
        return Files.writeString(file, new SmallRun(folder).yaml(steps, checkpointEvery));
    }

    private Path train(Path recipe, String... more) {
        var run = folder.resolve("run");
        var args = new ArrayList<>(List.of("train", "--config", recipe.toString(), "--out", run.toString()));
        args.addAll(List.of(more));
        var outcome = Invocation.of(args.toArray(String[]::new));
        assertEquals(0, outcome.code(), outcome::toString);
        return run;
    }

    private static List<String> results(Path run) {
        return MetricsLog.read(run).stream()
                .filter(line -> !(line instanceof RunLine))
                .map(MetricsLog::deterministicJson)
                .toList();
    }

    @Test
    void whoTypesTheRecordedCommandStartsTheSameRun() throws IOException {
        var run = train(recipe(1, 1), "--seed", "7", "--json", "--precision", "bf16");
        var header = (RunLine) MetricsLog.read(run).getFirst();
        assertEquals(
                "coda train --config '" + folder + "/my recipes/it'\\''s small.yaml' --seed 7 --precision bf16 --out "
                        + run,
                header.command());
    }

    @Test
    void aRunThatGoesOnAtItsEndHasItsMetricsOnce() throws IOException {
        var recipe = recipe(7, 3);
        var run = train(recipe);
        var expected = results(run);
        train(recipe, "--resume");
        assertEquals(expected, results(run), "gone on after the last evaluation");

        var file = run.resolve(MetricsLog.FILE_NAME);
        var lines = Files.readAllLines(file);
        assertTrue(lines.getLast().contains("\"eval\""), lines.getLast());
        Files.writeString(
                file, lines.subList(0, lines.size() - 1).stream().collect(Collectors.joining("\n", "", "\n")));
        train(recipe, "--resume");
        assertEquals(expected, results(run), "gone on before it");
    }

    @Test
    void linesSayHowFarTheRunHasReadItsText() throws IOException {
        var lines = MetricsLog.read(train(recipe(7, 3)));
        var steps = lines.stream()
                .filter(TrainLine.class::isInstance)
                .map(TrainLine.class::cast)
                .toList();
        assertEquals(7 * 3 * 24, steps.getLast().tokens());
        assertEquals(7.0, steps.getLast().epoch() / steps.getFirst().epoch(), 1e-9);
        assertTrue(steps.getFirst().epoch() > 0 && steps.getLast().epoch() < 1, lines::toString);
        MetricsLine last = lines.getLast();
        assertTrue(last instanceof EvalLine eval && eval.tokens() == 7 * 3 * 24, last::toString);
        assertTrue(last instanceof EvalLine eval && eval.timing().tokensPerSecond() > 0, last::toString);
    }
}
