package io.coda4j.coder.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.generate.ModelDenoiser;
import io.coda4j.coder.model.ModelFolder;
import io.coda4j.coder.xla.XlaCompiler;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.DenoiseRequest;
import io.coda4j.nn.LanguageModel;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Devices;
import io.coda4j.tensor.spi.Mesh;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Whole runs on several virtual devices of XLA, through the binding of PJRT: they are what a run on one processor is, but
 * for the order of sums.
 */
class MeshTrainingTest {
    private static final int STEPS = 6;
    private static final double TOLERANCE = 1e-5;
    private static final Device CPU = Devices.defaultDevice();

    /** What stands for a process that dies. */
    private static final class Killed extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    @TempDir
    private Path folder;

    /** With so large an epsilon an update is a smooth function of the gradient, also where that is almost zero. */
    private static Recipe recipe(SmallRun small, String layers) {
        var yaml = small.yaml(STEPS, 4).replace("rows: 3", "rows: 4").replace("scoreBucket: 16", "scoreBucket: 96");
        return RecipeFile.parse(
                "test",
                yaml + "optimizer: {eps: 0.1}\npasses: {layers: " + layers + ", checkpointLayers: "
                        + layers.equals("scan") + "}\n");
    }

    private static void assertClose(List<Double> expected, List<Double> got) {
        assertEquals(expected.size(), got.size());
        for (int i = 0; i < expected.size(); i++) {
            assertEquals(expected.get(i), got.get(i), TOLERANCE * expected.get(i), "step " + (i + 1));
        }
    }

    private static void assertClose(LanguageModel expected, LanguageModel got) {
        var leaves = Tree.leaves(got);
        Tree.leaves(expected).forEach((path, leaf) -> {
            var a = ((Array) leaf).toFloats();
            var b = ((Array) leaves.get(path)).toFloats();
            for (int i = 0; i < a.length; i++) {
                assertEquals(a[i], b[i], TOLERANCE, path + " element " + i);
            }
        });
    }

    private LanguageModel saved(SmallRun small, String name) {
        return ModelFolder.load(small.out(name).resolve("model"), CPU).model();
    }

    /** Evaluations are part of the runs: of four rows, and of three at the end of the text. */
    @ParameterizedTest
    @CsvSource(
            delimiter = ' ',
            value = {"fsdp=2 unrolled", "fsdp=4 scan", "fsdp=2,tensor=2 unrolled", "data=2,fsdp=2 scan"})
    void aRunOnAMeshIsTheRunOnOneProcessor(String mesh, String layers) throws IOException {
        var small = new SmallRun(folder);
        var recipe = recipe(small, layers);
        var expected = new Outcome(CPU, small, recipe, "cpu");
        try (var device = XlaCompiler.device(Mesh.parse(mesh))) {
            var got = new Outcome(device, small, recipe.onMesh(mesh), "mesh");
            assertClose(expected.losses, got.losses);
            assertClose(expected.crossEntropies, got.crossEntropies);
            assertClose(saved(small, "cpu"), saved(small, "mesh"));
        }
    }

    /** What a run told its listener. */
    private static final class Outcome implements TrainingListener {
        private final List<Double> losses = new ArrayList<>();
        private final List<Double> crossEntropies = new ArrayList<>();

        Outcome(Device device, SmallRun small, Recipe recipe, String name) {
            try (var run = TrainingRun.prepare(small.out(name), recipe, false, device, _ -> {});
                    var _ = Scope.open()) {
                var model = run.train(this);
                crossEntropies.add(run.evaluation().run(model, 0.5, 3).crossEntropy());
            }
        }

        @Override
        public void stepped(Step step) {
            losses.add(step.loss());
        }

        @Override
        public void evaluated(long step, long millis, HeldOutEvaluation.Result result) {
            crossEntropies.add(result.crossEntropy());
        }
    }

    private static TrainingListener dyingAfter(int last) {
        return new TrainingListener() {
            @Override
            public void stepped(Step step) {
                if (step.step() == last) {
                    throw new Killed();
                }
            }
        };
    }

    @Test
    void checkpointsAreReadByEveryOtherDevice() throws IOException {
        var small = new SmallRun(folder);
        var recipe = recipe(small, "scan");
        var expected = small.train("whole", recipe, false, CPU, TrainingListener.SILENT);
        try (var two = XlaCompiler.device(Mesh.of("fsdp", 2));
                var four = XlaCompiler.device(Mesh.of("fsdp", 4))) {
            assertThrows(Killed.class, () -> small.train("dies", recipe.onMesh("fsdp=2"), false, two, dyingAfter(5)));
            var onFour = recipe.onMesh("fsdp=4");
            assertClose(expected.subList(4, 6), small.train("dies", onFour, true, four, TrainingListener.SILENT));
            assertThrows(Killed.class, () -> small.train("again", onFour, false, four, dyingAfter(5)));
            assertClose(expected.subList(4, 6), small.train("again", recipe, true, CPU, TrainingListener.SILENT));
        }
    }

    @Test
    void aTrainedModelGeneratesWhereItLies() throws IOException {
        var small = new SmallRun(folder);
        var recipe = recipe(small, "unrolled").onMesh("fsdp=4");
        try (var device = XlaCompiler.device(Mesh.of("fsdp", 4));
                var run = TrainingRun.prepare(small.out("mesh"), recipe, false, device, _ -> {})) {
            var model = run.train(TrainingListener.SILENT);
            var expected = logits(run, saved(small, "mesh"), CPU);
            var got = logits(run, model, device);
            for (int i = 0; i < expected.length; i++) {
                assertEquals(expected[i], got[i], 1e-4, "logit " + i);
            }
        }
    }

    private static float[] logits(TrainingRun run, LanguageModel model, Device device) {
        int vocabulary = run.config().transformer().vocabulary();
        var positions = new int[] {0, 3, 12};
        var out = new float[positions.length * vocabulary];
        var canvas = new Canvas(1, 13, new int[] {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13});
        try (var denoiser = new ModelDenoiser(run.config(), model, device);
                var _ = Scope.open()) {
            denoiser.denoise(
                    new DenoiseRequest(canvas, positions, 0, List.of()),
                    (first, count, logits) -> System.arraycopy(logits, 0, out, first * vocabulary, count * vocabulary));
        }
        return out;
    }

    @Test
    void whatAMeshDoesNotDivideIsNamed() throws IOException {
        var recipe = recipe(new SmallRun(folder), "scan");
        for (var each : List.of(
                List.of("fsdp=3", "batch.rows", "fsdp=3 does not divide the 4 rows", "such as 6"),
                List.of("data=2,fsdp=4", "data+fsdp=8 does not divide the 4 rows"),
                List.of("tensor=5", "qProj.weight", "tensor=5 does not divide"),
                List.of("expert=2", "passes.mesh", "data, fsdp and tensor, not 'expert'"),
                List.of("fsdp", "passes.mesh", "'fsdp' is no mesh", "fsdp=16,tensor=4"))) {
            var error = assertThrows(RecipeException.class, () -> recipe.onMesh(each.getFirst()));
            each.subList(1, each.size())
                    .forEach(word -> assertTrue(
                            String.valueOf(error.getMessage()).contains(word), word + " is not in " + error));
        }
    }
}
