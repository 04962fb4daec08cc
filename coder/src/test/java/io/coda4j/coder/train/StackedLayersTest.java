package io.coda4j.coder.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.model.Initialization;
import io.coda4j.coder.xla.XlaCompiler;
import io.coda4j.diffusion.MaskedBatch;
import io.coda4j.diffusion.MaskedDiffusionLoss;
import io.coda4j.nn.Adafactor;
import io.coda4j.nn.AdamW;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.Optimizer;
import io.coda4j.nn.Probe;
import io.coda4j.nn.TransformerConfig;
import io.coda4j.nn.View;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Devices;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Layers stacked and run as one loop do what layers one by one do, and are trained alike. */
class StackedLayersTest {
    private static final int VOCABULARY = 48;
    private static final int STEPS = 4;
    private static final TransformerConfig CONFIG =
            new TransformerConfig(VOCABULARY, 32, 3, 4, 2, 8, 48, 1e4, 1e-6, false, 0);

    private static LanguageModel model() {
        return new Initialization(.3, false).initialize(CONFIG, 3, Devices.defaultDevice());
    }

    private static Array ids(int rows, int length) {
        var random = new Random(rows);
        return Array.of(
                Shape.of(rows, length),
                random.ints((long) rows * length, 0, VOCABULARY).toArray());
    }

    private static void same(Map<String, Tensor> expected, Map<String, Tensor> got, float tolerance) {
        assertEquals(expected.keySet(), got.keySet());
        expected.forEach((name, tensor) ->
                assertArrayEquals(((Array) tensor).toFloats(), ((Array) got.get(name)).toFloats(), tolerance, name));
    }

    @Test
    void stackingAndUnstackingIsTheIdentity() {
        var model = model();
        var stacked = model.stacked();
        assertTrue(stacked.model().isStacked());
        assertEquals(
                TensorType.f32(3, 32, 32),
                Tree.leaves(stacked).get("model.layers.0.selfAttn.qProj.weight").type());
        assertEquals(11, stacked.stacks().size());
        assertEquals(0, model.stacks().size());
        same(Tree.leaves(model), Tree.leaves(stacked.unstacked()), 0);
        var state = TrainState.start(model, Adafactor.standard(), Devices.defaultDevice());
        var loop = TrainState.start(stacked, Adafactor.standard(), Devices.defaultDevice());
        assertEquals(
                List.copyOf(loop.optimizer().keySet()),
                List.copyOf(state.stacked().optimizer().keySet()));
        same(loop.optimizer(), state.stacked().optimizer(), 0);
        same(state.optimizer(), loop.unstacked().optimizer(), 0);
    }

    @Test
    void passesGiveTheSameStates() {
        var model = model();
        var ids = ids(2, 7);
        var view = View.of(ids, AttentionMask.FULL);
        var expected = (Array) model.model().apply(ids, view);
        var got = (Array) model.stacked().model().apply(ids, view);
        assertArrayEquals(expected.toFloats(), got.toFloats(), 1e-5f);
        assertThrows(IllegalStateException.class, () -> model.stacked().model().apply(ids, view, (Probe) (_, _) -> {}));
    }

    /** A step on {@code rows} random rows, every position scored. */
    private static MaskedBatch batch(int rows, int length) {
        var weights = new float[rows * length];
        var random = new Random(9);
        for (int i = 0; i < weights.length; i++) {
            weights[i] = random.nextInt(2) / (float) weights.length;
        }
        var table = Shape.of(rows, length);
        return new MaskedBatch(
                ids(rows, length),
                Array.of(table, new int[weights.length]),
                null,
                ids(rows, length),
                Array.of(table, weights));
    }

    private record Outcome(double[] losses, TrainState state) {}

    private static TrainStep step(Optimizer optimizer, boolean checkpoint) {
        return new TrainStep(new MaskedDiffusionLoss(AttentionMask.FULL, 16, checkpoint), optimizer, 1.0);
    }

    private static Outcome train(TrainStep step, LanguageModel model, Device device) {
        var state = Tree.map(
                TrainState.start(model, step.optimizer(), Devices.defaultDevice()),
                (_, leaf) -> ((Array) leaf).to(device));
        var losses = new double[STEPS];
        try (var program = step.compile(device)) {
            for (int i = 0; i < STEPS; i++) {
                var scalars = step.optimizer().scalars(i + 1, 1e-2);
                var out = program.apply(
                        new TrainStep.Input(state, batch(4, 8), Array.of(Shape.of(scalars.length), scalars)));
                losses[i] = ((Array) out.loss()).item();
                state = out.state();
            }
        }
        return new Outcome(losses, Tree.map(state, (_, leaf) -> ((Array) leaf).to(Devices.defaultDevice())));
    }

    /** With so large an epsilon AdamW's update is a smooth function of the gradient, also where that is almost zero. */
    static Stream<Arguments> rules() {
        var adamW = new AdamW(0.9, 0.95, 0.1, 0.1, false);
        return Stream.of(
                Arguments.of(adamW, false), Arguments.of(adamW, true), Arguments.of(Adafactor.standard(), true));
    }

    @ParameterizedTest
    @MethodSource("rules")
    void trainingStepsAreTheSame(Optimizer optimizer, boolean checkpoint) {
        var step = step(optimizer, checkpoint);
        var cpu = Devices.defaultDevice();
        var expected = train(step(optimizer, false), model(), cpu);
        var got = train(step, model().stacked(), cpu);
        assertArrayEquals(expected.losses, got.losses, 1e-4);
        var unstacked = got.state.unstacked();
        same(Tree.leaves(expected.state.model()), Tree.leaves(unstacked.model()), 1e-4f);
        same(expected.state.optimizer(), unstacked.optimizer(), 1e-4f);
    }

    /** Where there is a loop instead of the list of its steps. */
    @ParameterizedTest
    @MethodSource("rules")
    void trainingStepsAreTheSameOnXla(Optimizer optimizer, boolean checkpoint) {
        var device = XlaCompiler.device();
        var step = step(optimizer, checkpoint);
        var expected = train(step(optimizer, false), model(), Devices.defaultDevice());
        var got = train(step, model().stacked(), device);
        assertArrayEquals(expected.losses, got.losses, 1e-4);
        same(
                Tree.leaves(expected.state.model()),
                Tree.leaves(got.state.unstacked().model()),
                1e-4f);
    }

    /** Master weights in F32, passes in BF16: the losses are those of F32 up to BF16's rounding, 2^-8. */
    @Test
    void passesInBf16TrainWeightsInF32() {
        var rule = new AdamW(0.9, 0.95, 1e-8, 0.1, false);
        var cpu = Devices.defaultDevice();
        var expected = train(step(rule, false), model(), cpu);
        for (var model : List.of(model(), model().stacked())) {
            var got = train(step(rule, true).computingIn(DType.BF16), model, cpu);
            assertArrayEquals(expected.losses, got.losses, 0.02 * expected.losses[0]);
            assertTrue(IntStream.range(0, STEPS).anyMatch(i -> expected.losses[i] != got.losses[i]));
            Tree.leaves(got.state).forEach((path, leaf) -> assertEquals(DType.F32, leaf.dtype(), path));
        }
    }

    @Test
    void aStepHoldsTwoLoopsAndOneLayer() {
        var optimizer = Adafactor.standard();
        var state = TrainState.start(model().stacked(), optimizer, Devices.defaultDevice());
        var scalars = Array.of(Shape.of(3), 1, 1, 1f);
        var program = step(optimizer, true)
                .trace(new TrainStep.Input(state, batch(4, 8), scalars))
                .program();
        assertEquals(
                2,
                program.body().stream()
                        .filter(equation -> equation.prim() instanceof Primitive.Scan)
                        .count());
        assertTrue(program.body().stream().noneMatch(equation -> equation.prim() instanceof Primitive.Attention));
        assertEquals(DType.F32, program.results().getFirst().dtype());
    }
}
