package io.coda4j.coder.train;

import io.coda4j.autograd.Autograd;
import io.coda4j.diffusion.MaskedBatch;
import io.coda4j.diffusion.MaskedDiffusionLoss;
import io.coda4j.nn.ClipByNorm;
import io.coda4j.nn.ModelSharding;
import io.coda4j.nn.Optimizer;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.ShardingPlan;
import io.coda4j.tensor.ShardingPlan.Rule;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.Traced;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Mesh;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One update of a model: loss, gradients, clipping, optimiser; a single program on every device.
 *
 * @param clipNorm largest norm of all gradients together; infinity leaves them as they are
 * @param compute the element type of the passes, or null for the weights' own: F32 weights and moments with passes in
 *     BF16 lose no small update, and move half the bytes
 */
public record TrainStep(
        MaskedDiffusionLoss loss,
        Optimizer optimizer,
        double clipNorm,
        @Nullable DType compute) {
    private static final String NAME = "train_step";
    private static final String CONSUMED = "state.**";

    /**
     * Arguments of the program.
     *
     * @param state consumed
     * @param scalars F32[n], see {@link Optimizer#scalars}
     */
    public record Input(TrainState state, MaskedBatch batch, Tensor scalars) {}

    /**
     * Results of the program.
     *
     * @param loss before the update, a scalar
     * @param gradientNorm before clipping, a scalar
     * @param crossEntropies F32[S], unweighted, per scored position; see {@link MaskedDiffusionLoss.Result}
     */
    public record Output(TrainState state, Tensor loss, Tensor gradientNorm, Tensor crossEntropies) {}

    /** A step that computes in the weights' own element type. */
    public TrainStep(MaskedDiffusionLoss loss, Optimizer optimizer, double clipNorm) {
        this(loss, optimizer, clipNorm, null);
    }

    /** The same step with its passes in {@code dtype}. */
    public TrainStep computingIn(DType dtype) {
        return new TrainStep(loss, optimizer, clipNorm, dtype);
    }

    /** The program for {@code device}; it takes over the storage of the state it is given, and splits it along a mesh. */
    public Compiled<Input, Output> compile(Device device) {
        return device.mesh()
                .map(mesh -> Compiled.of(NAME, on(mesh)::apply, device)
                        .placing((Input in) -> sharding(mesh, List.of(), in.batch())))
                .orElseGet(() -> Compiled.of(NAME, this::apply, device))
                .donating(CONSUMED);
    }

    private TrainStep on(Mesh mesh) {
        return new TrainStep(loss.on(mesh), optimizer, clipNorm, compute);
    }

    /**
     * Where weights and moments go on a mesh, by the table of {@link ModelSharding}.
     *
     * @param first rules for parameters, such as {@code **.embedTokens.weight}, that come before the table's; moments
     *     follow them as well
     */
    public ShardingPlan sharding(Mesh mesh, List<Rule> first) {
        var parameters = new ArrayList<>(first);
        parameters.addAll(ModelSharding.parameters(mesh));
        return new ShardingPlan(mesh, ModelSharding.withState(parameters, optimizer));
    }

    /**
     * Where the arguments and results of the program go on a mesh: weights and moments by {@link #sharding(Mesh, List)},
     * the rows of the batch along {@link ModelSharding#rowAxis}. Scored positions that are a list, and not a table, stay
     * whole.
     *
     * @param batch of the form that the program will have
     */
    public ShardingPlan sharding(Mesh mesh, List<Rule> first, MaskedBatch batch) {
        var rules = new ArrayList<>(sharding(mesh, first).rules());
        var rowAxis = ModelSharding.rowAxis(mesh);
        Tree.leaves(batch).forEach((path, leaf) -> {
            if (leaf.rank() == 2) {
                rules.add(Rule.of("batch." + path, rowAxis, ""));
            }
        });
        if (batch.hiddenRows() == null) {
            rules.add(Rule.of("crossEntropies", rowAxis, ""));
        }
        return new ShardingPlan(mesh, rules);
    }

    /** The program traced for an argument like {@code in}, whose tensors may be symbols. */
    public Traced<Output> trace(Input in) {
        return Traced.of(NAME, this::apply, in).donating(CONSUMED);
    }

    /** The update as tensor code. */
    public Output apply(Input in) {
        var parts = new ArrayList<MaskedDiffusionLoss.Result>();
        var result = Autograd.valueAndGrad(
                model -> {
                    parts.add(loss.apply(compute == null ? model : model.as(compute), in.batch));
                    return parts.getFirst().loss();
                },
                in.state.model());
        var clipped = ClipByNorm.of(Tree.leaves(result.gradient()), clipNorm);
        var update = optimizer.update(
                Tree.leaves(in.state.model()),
                clipped.gradients(),
                in.state.optimizer(),
                in.scalars,
                in.state.model().stacks());
        var model = Tree.map(in.state.model(), (path, _) -> update.params().get(path));
        return new Output(
                new TrainState(model, update.state()),
                result.value(),
                clipped.norm(),
                parts.getFirst().crossEntropies());
    }
}
