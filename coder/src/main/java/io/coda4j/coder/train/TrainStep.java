package io.coda4j.coder.train;

import io.coda4j.autograd.Autograd;
import io.coda4j.diffusion.MaskedBatch;
import io.coda4j.diffusion.MaskedDiffusionLoss;
import io.coda4j.nn.ClipByNorm;
import io.coda4j.nn.ModelSharding;
import io.coda4j.nn.Optimizer;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.ShardingPlan;
import io.coda4j.tensor.ShardingPlan.Rule;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.Traced;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Mesh;
import java.util.ArrayList;
import java.util.List;

/**
 * One update of a model: loss, gradients, clipping, optimiser; a single program on every device.
 *
 * @param clipNorm largest norm of all gradients together; infinity leaves them as they are
 */
public record TrainStep(MaskedDiffusionLoss loss, Optimizer optimizer, double clipNorm) {
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

    /** The program for {@code device}; it takes over the storage of the state it is given. */
    public Compiled<Input, Output> compile(Device device) {
        return Compiled.of(NAME, this::apply, device).donating(CONSUMED);
    }

    /**
     * Where the arguments and results of the program go on a mesh with the axes {@code fsdp}, {@code tensor} or both:
     * weights and moments by the table of {@link ModelSharding}, the rows of the batch along {@code fsdp}. Scored
     * positions that are a list, and not a table, stay whole.
     *
     * @param first rules for parameters, such as {@code **.embedTokens.weight}, that come before the table's; moments
     *     follow them as well
     * @param batch of the form that the program will have
     */
    public ShardingPlan sharding(Mesh mesh, List<Rule> first, MaskedBatch batch) {
        var parameters = new ArrayList<>(first);
        parameters.addAll(ModelSharding.parameters(mesh));
        var rules = new ArrayList<>(ModelSharding.withState(parameters, optimizer));
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
                    parts.add(loss.apply(model, in.batch));
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
