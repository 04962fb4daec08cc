package io.coda4j.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.model.Initialization;
import io.coda4j.coder.train.TrainState;
import io.coda4j.coder.train.TrainStep;
import io.coda4j.diffusion.MaskedBatch;
import io.coda4j.diffusion.MaskedDiffusionLoss;
import io.coda4j.nn.AdamW;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.Staging;
import io.coda4j.nn.TransformerConfig;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Traced;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Devices;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.testing.Requirement;
import io.coda4j.tpu.Partitioner;
import io.coda4j.tpu.testing.XlaMesh;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A training step on several virtual devices of XLA gives what it gives on one processor. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ShardedStepTest {
    private static final int LAYERS = 3;
    private static final int VOCABULARY = 64;
    private static final int ROWS = 8;
    private static final int LENGTH = 6;
    private static final TransformerConfig CONFIG =
            new TransformerConfig(VOCABULARY, 32, LAYERS, 4, 2, 8, 48, 1e4, 1e-6, false, 0);

    /** With so large an epsilon an update is a smooth function of the gradient, also where that is almost zero. */
    private static final AdamW RULE = new AdamW(0.9, 0.95, 0.1, 0.1, false);

    private XlaMesh xla;

    @BeforeAll
    void start(@TempDir Path dumps) throws IOException {
        Requirement.require("xla", XlaMesh.unusableBecause());
        xla = XlaMesh.start(dumps);
    }

    @AfterAll
    void stop() throws IOException {
        if (xla != null) {
            xla.close();
        }
    }

    private static LanguageModel model() {
        return new Initialization(.3, false).initialize(CONFIG, 3, Devices.defaultDevice());
    }

    private static Array ids(Random random) {
        return Array.of(
                Shape.of(ROWS, LENGTH),
                random.ints(ROWS * LENGTH, 0, VOCABULARY).toArray());
    }

    private static MaskedBatch batch() {
        var random = new Random(5);
        var weights = new float[ROWS * LENGTH];
        for (int i = 0; i < weights.length; i++) {
            weights[i] = random.nextInt(2) / (float) weights.length;
        }
        var table = Shape.of(ROWS, LENGTH);
        return new MaskedBatch(
                ids(random), Array.of(table, new int[weights.length]), null, ids(random), Array.of(table, weights));
    }

    private static TrainStep.Input input(LanguageModel model) {
        var scalars = RULE.scalars(1, 1e-2);
        return new TrainStep.Input(
                TrainState.start(model, RULE, Devices.defaultDevice()),
                batch(),
                Array.of(Shape.of(scalars.length), scalars));
    }

    private static TrainStep step(Mesh mesh) {
        // Two chunks of the vocabulary's logits.
        var loss = new MaskedDiffusionLoss(AttentionMask.FULL, ROWS * LENGTH / 2, Staging.CHECKPOINTED.on(mesh));
        return new TrainStep(loss, RULE, 1.0);
    }

    private static List<Array> arguments(TrainStep.Input in) {
        return Tree.leaves(in).values().stream().map(leaf -> (Array) leaf).toList();
    }

    private XlaMesh.Outcome sharded(
            Mesh mesh, Traced<?> traced, TrainStep step, Partitioner partitioner, TrainStep.Input in) {
        var placement = step.sharding(mesh, List.of(), in.batch()).placement(traced);
        return xla.run(traced.program(), placement, partitioner, arguments(in));
    }

    private static List<Array> onOneProcessor(Traced<?> traced, TrainStep.Input in) {
        // The arguments are needed again.
        var program = traced.program().donating(java.util.Set.of());
        try (var executable = Devices.defaultDevice().compile(program, Layout.DENSE)) {
            return executable.run(arguments(in));
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ' ',
            value = {
                "fsdp=2 unrolled SHARDY",
                "fsdp=4 unrolled SHARDY",
                "fsdp=8 scan SHARDY",
                "fsdp=2,tensor=2 scan SHARDY",
                "fsdp=4,tensor=2 unrolled SHARDY",
                "fsdp=2,tensor=4 scan GSPMD",
                "fsdp=4 scan GSPMD",
                "data=2,fsdp=2,tensor=2 scan SHARDY",
                "fsdp=2,tensor=2,data=2 unrolled GSPMD"
            })
    void aStepOnAMeshIsTheStepOnOneProcessor(String axes, String layers, Partitioner partitioner) {
        var mesh = Mesh.parse(axes);
        var step = step(mesh);
        var in = input(layers.equals("scan") ? model().stacked() : model());
        var traced = step.trace(in);
        var expected = onOneProcessor(traced, in);
        var got = sharded(mesh, traced, step, partitioner, in).results();
        var paths = traced.results();
        assertEquals(expected.size(), got.size());
        for (int k = 0; k < got.size(); k++) {
            var a = expected.get(k).toFloats();
            var b = got.get(k).toFloats();
            double largest = IntStream.range(0, a.length)
                    .mapToDouble(i -> Math.abs(a[i]))
                    .max()
                    .orElse(0);
            for (int i = 0; i < a.length; i++) {
                assertEquals(a[i], b[i], 1e-5 * Math.max(1, largest), paths.get(k) + " element " + i);
            }
        }
    }

    /** The computations of a program as HLO text, by name. */
    private static Map<String, String> computations(String program) {
        return Pattern.compile("(?m)^(?:ENTRY )?%([^ ]+) \\(.*\\{\n((?:  .*\n)+)\\}")
                .matcher(program)
                .results()
                .collect(Collectors.toMap(found -> found.group(1), found -> found.group(2)));
    }

    @Test
    void layersAreGatheredOneByOneInsideTheLoops() {
        var mesh = Mesh.of("fsdp", 4);
        var step = step(mesh);
        var in = input(model().stacked());
        var program =
                sharded(mesh, step.trace(in), step, Partitioner.SHARDY, in).optimised();
        var computations = computations(program);
        var bodies = Pattern.compile(" while\\(.*body=%([^ ,\n]+)")
                .matcher(program)
                .results()
                .map(found -> computations.getOrDefault(found.group(1), ""))
                .toList();
        assertEquals(2, bodies.size(), "one loop forward, one backward:\n" + program);
        for (var body : bodies) {
            assertTrue(body.contains("all-gather"), () -> "no layer is gathered in\n" + body);
        }
        // The matrices of queries, 32 x 32 in each layer: a fourth of the rows of all, and never all of all.
        assertTrue(program.contains("f32[3,8,32]"), program);
        assertFalse(program.contains("f32[3,32,32]"), program);
    }
}
