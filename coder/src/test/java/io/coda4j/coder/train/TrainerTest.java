package io.coda4j.coder.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.files.FileException;
import io.coda4j.nn.safetensors.Safetensors;
import io.coda4j.tensor.cpu.CpuDevice;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Devices;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainerTest {
    private static final Device DEVICE = Devices.defaultDevice();

    /** What stands for a process that dies. */
    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    @TempDir
    private Path folder;

    @Test
    void lossesAreTheSameForAnyNumberOfThreads() throws IOException {
        var small = new SmallRun(folder);
        try (var one = CpuDevice.withThreads(1);
                var three = CpuDevice.withThreads(3)) {
            var recipe = small.recipe(8);
            var expected = small.train("one", recipe, false, one, TrainingListener.SILENT);
            assertEquals(expected, small.train("three", recipe, false, three, TrainingListener.SILENT));
            assertEquals(8, expected.size());
        }
    }

    @Test
    void theLossFalls() throws IOException {
        var losses = new SmallRun(folder)
                .train("run", new SmallRun(folder).recipe(60), false, DEVICE, TrainingListener.SILENT);
        double first =
                losses.subList(0, 5).stream().mapToDouble(x -> x).average().orElseThrow();
        double last =
                losses.subList(55, 60).stream().mapToDouble(x -> x).average().orElseThrow();
        assertTrue(last < 0.8 * first, () -> "from " + first + " to " + last);
    }

    @Test
    void aRunThatDiesAndResumesEqualsOneThatDoesNot() throws IOException {
        var small = new SmallRun(folder);
        var recipe = small.recipe(14);
        var expected = small.train("whole", recipe, false, DEVICE, TrainingListener.SILENT);
        for (int death : new int[] {3, 4, 7, 13}) {
            var name = "dies-at-" + death;
            assertThrows(
                    Killed.class,
                    () -> small.train(name, recipe, false, DEVICE, new TrainingListener() {
                        @Override
                        public void stepped(Step step) {
                            if (step.step() == death) {
                                throw new Killed();
                            }
                        }
                    }));
            var resumed = small.train(name, recipe, true, DEVICE, TrainingListener.SILENT);
            assertEquals(expected.subList(14 - resumed.size(), 14), resumed, name);
            assertEquals(14 - (death - 1) / 4 * 4, resumed.size(), name);
            assertArrayEquals(
                    Files.readAllBytes(small.out("whole").resolve("model/model.safetensors")),
                    Files.readAllBytes(small.out(name).resolve("model/model.safetensors")),
                    name);
        }
    }

    /** Whoever is told to go back to the last checkpoint must find numbers there. */
    @Test
    void aRunThatDivergesSavesNoWeightsThatAreNotFinite() throws IOException {
        var small = new SmallRun(folder);
        var yaml = small.yaml(5, 1) + """
                optimizer: {weightDecay: 10, decayVectors: true}
                schedule: {name: constant, peak: 3.0e+38, warmup: 0}
                """;
        var recipe = RecipeFile.parse("test", yaml);
        var e = assertThrows(
                RecipeException.class, () -> small.train("run", recipe, false, DEVICE, TrainingListener.SILENT));
        assertTrue(e.getMessage().contains("the weights after step 1 hold"), e::getMessage);
        assertTrue(e.getMessage().contains("schedule.peak"), e::getMessage);
        assertFalse(e.getMessage().contains("is sound"), e::getMessage);
        try (var left = Files.list(small.out("run").resolve("checkpoints"))) {
            assertEquals(0, left.count());
        }
        assertFalse(Files.exists(small.out("run").resolve("model/model.safetensors")));
    }

    @Test
    void aRunThatDivergesNamesItsLastCheckpoint() throws IOException {
        var small = new SmallRun(folder);
        var yaml = small.yaml(9, 1) + """
                optimizer: {weightDecay: 0}
                schedule: {name: constant, peak: 1.0e+30, warmup: 0}
                """;
        var recipe = RecipeFile.parse("test", yaml);
        var e = assertThrows(
                RecipeException.class, () -> small.train("run", recipe, false, DEVICE, TrainingListener.SILENT));
        assertTrue(e.getMessage().contains("step-000000001, is sound"), e::getMessage);
    }

    /** Only sums in another order set them apart, so they drift slowly. */
    @Test
    void layersInALoopTrainAsLayersOneByOne() throws IOException {
        var small = new SmallRun(folder);
        var expected = small.train("unrolled", small.recipe(12), false, DEVICE, TrainingListener.SILENT);
        var loop = small.recipe(12, "passes: {layers: scan, checkpointLayers: true}");
        var got = small.train("scan", loop, false, DEVICE, TrainingListener.SILENT);
        for (int i = 0; i < expected.size(); i++) {
            assertEquals(expected.get(i), got.get(i), 1e-4, "step " + (i + 1));
        }
        try (var plain = Safetensors.open(small.out("unrolled").resolve("model/model.safetensors"));
                var fromLoop = Safetensors.open(small.out("scan").resolve("model/model.safetensors"))) {
            assertEquals(plain.entries().keySet(), fromLoop.entries().keySet());
        }
    }

    @Test
    void aRunWithLayersInALoopResumesFromLayersOneByOne() throws IOException {
        var small = new SmallRun(folder);
        var recipe = small.recipe(9, "passes: {layers: scan}");
        var expected = small.train("whole", recipe, false, DEVICE, TrainingListener.SILENT);
        assertThrows(
                Killed.class,
                () -> small.train("dies", recipe, false, DEVICE, new TrainingListener() {
                    @Override
                    public void stepped(Step step) {
                        if (step.step() == 6) {
                            throw new Killed();
                        }
                    }
                }));
        var resumed = small.train("dies", recipe, true, DEVICE, TrainingListener.SILENT);
        assertEquals(expected.subList(4, 9), resumed);
    }

    /** Passes round to 8 bits; weights do not, so small updates add up. */
    @Test
    void passesInBfloat16FollowThoseInF32() throws IOException {
        var small = new SmallRun(folder);
        var expected = small.train("f32", small.recipe(40), false, DEVICE, TrainingListener.SILENT);
        var got = small.train(
                "bf16", small.recipe(40, "passes: {compute: bf16}"), false, DEVICE, TrainingListener.SILENT);
        assertNotEquals(expected, got);
        for (int i = 0; i < expected.size(); i++) {
            assertEquals(expected.get(i), got.get(i), 0.02 * expected.get(i), "step " + (i + 1));
        }
    }

    @Test
    void aFolderWithARunIsNotOverwritten() throws IOException {
        var small = new SmallRun(folder);
        small.train("run", small.recipe(2), false, DEVICE, TrainingListener.SILENT);
        var e = assertThrows(
                RecipeException.class,
                () -> small.train("run", small.recipe(2), false, DEVICE, TrainingListener.SILENT));
        assertTrue(e.getMessage().contains("--resume"), e.getMessage());
    }

    @Test
    void aModelWithoutItsRunIsNotOverwritten() throws IOException {
        var small = new SmallRun(folder);
        small.train("run", small.recipe(2), false, DEVICE, TrainingListener.SILENT);
        var moved = Files.createDirectories(small.out("moved"));
        Files.move(small.out("run").resolve("model"), moved.resolve("model"));
        var e = assertThrows(
                RecipeException.class,
                () -> small.train("moved", small.recipe(2), false, DEVICE, TrainingListener.SILENT));
        assertEquals(
                moved.resolve("model")
                        + ": holds a model already, which the run would replace; move it away, or choose another folder"
                        + " with --out",
                e.getMessage());
    }

    @Test
    void filesThatAreLeftOutAreNamedWithTheReason() throws IOException {
        var small = new SmallRun(folder);
        for (int i = 1; i <= 7; i++) {
            Files.write(small.sources().resolve("Latin" + i + ".java"), new byte[] {'/', '/', (byte) 0xE9, '\n'});
        }
        var notes = new ArrayList<String>();
        TrainingRun.prepare(small.out("run"), small.recipe(2), false, DEVICE, notes::add)
                .close();
        var about = notes.stream().filter(note -> note.startsWith("  ")).toList();
        assertEquals(6, about.size(), notes::toString);
        assertTrue(about.getFirst().matches("  left out Latin\\d\\.java: not UTF-8 text"), about::toString);
        assertEquals("  and 2 more", about.getLast());
    }

    @Test
    void twoRunsAtOnceDoNotShareAFolder() throws IOException {
        var small = new SmallRun(folder);
        var recipe = small.recipe(2);
        try (var _ = TrainingRun.prepare(small.out("run"), recipe, false, DEVICE, _ -> {})) {
            for (boolean resume : new boolean[] {false, true}) {
                var e = assertThrows(
                        RecipeException.class,
                        () -> small.train("run", recipe, resume, DEVICE, TrainingListener.SILENT));
                assertEquals(
                        small.out("run") + ": a run is going on in it (process "
                                + ProcessHandle.current().pid()
                                + "); wait until it ends, or choose another folder with --out",
                        e.getMessage());
            }
        }
        assertEquals(
                2,
                small.train("run", recipe, true, DEVICE, TrainingListener.SILENT)
                        .size());
    }

    @Test
    void aResumedRunClearsAwayWhatAKilledOneLeftHalfWritten() throws IOException {
        var small = new SmallRun(folder);
        small.train("run", small.recipe(2), false, DEVICE, TrainingListener.SILENT);
        var run = small.out("run");
        var left = List.of(
                run.resolve(".metrics.jsonl.1b4e28ba-2fa1-11d2-883f-0016d3cca427.tmp"),
                run.resolve("model/.model.safetensors.1b4e28ba-2fa1-11d2-883f-0016d3cca427.tmp"),
                run.resolve("checkpoints/.unfinished-1b4e28ba-2fa1-11d2-883f-0016d3cca427"));
        var notes = List.of(run.resolve("notes.tmp"), run.resolve("model/.notes.1.tmp"));
        for (var file : Stream.concat(left.stream(), notes.stream()).toList()) {
            Files.writeString(file, "half");
        }
        small.train("run", small.recipe(2), true, DEVICE, TrainingListener.SILENT);
        assertEquals(List.of(), left.stream().filter(Files::exists).toList());
        assertTrue(notes.stream().allMatch(Files::exists), "files of others");
    }

    @Test
    void aRunThatCannotBeginLeavesNothingBehind() throws IOException {
        var small = new SmallRun(folder);
        var recipe = RecipeFile.parse("test", small.yaml(2, 2).replace("length: 24", "length: 100000"));
        assertThrows(
                RecipeException.class, () -> small.train("new/run", recipe, false, DEVICE, TrainingListener.SILENT));
        assertFalse(Files.exists(small.out("new")));
    }

    @Test
    void aFileWhereCheckpointsBelongIsNoRunWithoutCheckpoints() throws IOException {
        var small = new SmallRun(folder);
        small.train("run", small.recipe(2), false, DEVICE, TrainingListener.SILENT);
        var run = small.out("run");
        Files.move(run.resolve("checkpoints"), run.resolve("elsewhere"));
        Files.createFile(run.resolve("checkpoints"));
        var e = assertThrows(
                FileException.class, () -> small.train("run", small.recipe(2), true, DEVICE, TrainingListener.SILENT));
        assertTrue(e.getMessage().startsWith(run.resolve("checkpoints") + ": cannot be a folder"), e.getMessage());
    }

    @Test
    void aRunIsNotResumedWithAnotherRecipe() throws IOException {
        var small = new SmallRun(folder);
        small.train("run", small.recipe(2), false, DEVICE, TrainingListener.SILENT);
        var e = assertThrows(
                RecipeException.class,
                () -> small.train("run", small.recipe(3), true, DEVICE, TrainingListener.SILENT));
        assertTrue(e.getMessage().contains("another recipe"), e.getMessage());
    }

    @Test
    void theLastCheckpointIsOfTheLastStep() throws IOException {
        var small = new SmallRun(folder);
        small.train("run", small.recipe(7), false, DEVICE, TrainingListener.SILENT);
        var checkpoint = new Checkpoints(small.out("run").resolve("checkpoints"), 2)
                .latest()
                .orElseThrow();
        assertEquals("step-000000007", checkpoint.getFileName().toString());
    }
}
