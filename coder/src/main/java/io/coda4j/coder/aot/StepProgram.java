package io.coda4j.coder.aot;

import io.coda4j.coder.generate.DenoiseStep;
import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.train.TrainState;
import io.coda4j.coder.train.TrainStep;
import io.coda4j.diffusion.MaskedBatch;
import io.coda4j.diffusion.MaskedDiffusionLoss;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.LayerStacks;
import io.coda4j.nn.ModelSharding;
import io.coda4j.nn.Optimizer;
import io.coda4j.nn.Staging;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.ShardingException;
import io.coda4j.tensor.ShardingPlan;
import io.coda4j.tensor.ShardingPlan.Rule;
import io.coda4j.tensor.Symbol;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Traced;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.spi.Placement;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.IntStream;

/**
 * A step over a batch as a program for many devices, made from types alone: there are no weights.
 *
 * @param placement of its arguments and results
 */
public record StepProgram(Program program, Placement placement) {
    /**
     * What a step is made for.
     *
     * @param weights element type of weights and the optimiser's state
     * @param compute element type of the passes over them
     * @param rows B of the batch, over all devices
     * @param length T, tokens of a row
     * @param checkpoint whether the backward pass computes each layer again
     * @param loop whether the layers are one loop over stacked weights, and not listed one by one
     * @param rules where parameters go, before the usual ones; see {@link ModelSharding}
     */
    public record Shape(
            CodaConfig config,
            DType weights,
            DType compute,
            int rows,
            int length,
            boolean checkpoint,
            boolean loop,
            Mesh mesh,
            List<Rule> rules) {
        /** A shape with an immutable copy of the rules. */
        public Shape {
            rules = List.copyOf(rules);
        }

        private LanguageModel model() {
            var transformer = config.transformer();
            return loop
                    ? transformer.withLayers(1).build(weights, (path, type) -> new Symbol(stacked(path, type)))
                    : transformer.build(weights, (_, type) -> new Symbol(type));
        }

        /** The type of the stack of a tensor of all layers; other tensors have no stack. */
        private TensorType stacked(String path, TensorType type) {
            if (!LayerStacks.isLayered(path)) {
                return type;
            }
            var dims = IntStream.concat(
                    IntStream.of(config.transformer().layers()),
                    IntStream.of(type.shape().dims()));
            return TensorType.of(type.dtype(), dims.toArray());
        }

        private Tensor table(DType dtype) {
            return new Symbol(TensorType.of(dtype, rows, length));
        }

        private Staging staging() {
            var plain = checkpoint ? Staging.CHECKPOINTED : Staging.PLAIN;
            return plain.on(mesh);
        }
    }

    /** Rows of logits that exist at a time are 1 in so many of the batch's positions. */
    private static final int LOSS_CHUNKS = 16;

    private static final double CLIP_NORM = 1;

    /**
     * One update of the weights: loss at every position, gradients, clipping, optimiser.
     *
     * @throws IllegalArgumentException if the mesh does not divide what it is to split; the message says what would do
     * @throws ShardingException if that is so by one of the shape's rules, or it matches no parameter
     */
    public static StepProgram training(Shape shape, Optimizer optimizer) {
        int chunk = Math.ceilDiv(Math.multiplyExact(shape.rows, shape.length), LOSS_CHUNKS);
        var loss = new MaskedDiffusionLoss(shape.config.attention(), chunk, shape.staging());
        var step = new TrainStep(loss, optimizer, CLIP_NORM).computingIn(shape.compute);
        var batch = new MaskedBatch(
                shape.table(DType.I32), shape.table(DType.I32), null, shape.table(DType.I32), shape.table(DType.F32));
        var model = shape.model();
        var moments = new LinkedHashMap<String, Tensor>();
        TrainState.momentTypes(model, optimizer).forEach((name, type) -> moments.put(name, new Symbol(type)));
        // The step of the optimiser takes them in the type of the weights.
        var scalars = new Symbol(TensorType.of(shape.weights, optimizer.scalars(1, 0).length));
        var traced = step.trace(new TrainStep.Input(new TrainState(model, moments), batch, scalars));
        return placed(traced, shape.rules, step.sharding(shape.mesh, shape.rules, batch));
    }

    /**
     * One pass of generation: logits at {@code positions} positions of the batch.
     *
     * @throws IllegalArgumentException as {@link #training}
     */
    public static StepProgram denoising(Shape shape, int positions) {
        var step = new DenoiseStep(shape.config.attention(), shape.staging());
        var in = new DenoiseStep.Input(
                shape.model(), shape.table(DType.I32), shape.table(DType.I32), new Symbol(TensorType.i32(positions)));
        var axis = ModelSharding.rowAxis(shape.mesh);
        var plan = new ShardingPlan(shape.mesh, ModelSharding.parameters(shape.mesh))
                .with(List.of(Rule.of("ids", axis, ""), Rule.of("segments", axis, "")))
                .with(shape.rules);
        return placed(Traced.of("denoise_step", step::apply, in), shape.rules, plan);
    }

    private static StepProgram placed(Traced<?> traced, List<Rule> rules, ShardingPlan plan) {
        for (var rule : rules) {
            if (traced.arguments().stream().noneMatch(rule.pattern()::matches)) {
                throw new ShardingException(
                        rule,
                        "sharding: rule '" + rule.pattern() + "' matches no parameter; parameters are "
                                + String.join(", ", weights(traced.arguments())));
            }
        }
        return new StepProgram(traced.program(), plan.placement(traced));
    }

    /** Patterns for the weights among {@code paths}, of which all layers have the same. */
    private static List<String> weights(List<String> paths) {
        return paths.stream()
                .filter(path -> path.endsWith(".weight"))
                .map(path -> List.of(path.split("\\.")))
                .map(names -> "**." + names.get(names.size() - 2) + ".weight")
                .distinct()
                .toList();
    }
}
