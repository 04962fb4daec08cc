package io.coda4j.nn;

import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.ShardingPlan;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;

/**
 * Adafactor without momentum, parameter scaling or relative steps (Shazeer and Stern 2018), as the CoDA runs used it:
 * second moments of tensors of rank 2 and more are kept as row and column means over the last two axes.
 *
 * @param eps added to squared gradients
 * @param clipThreshold largest root mean square of an update
 * @param decayRate c in the decay 1 - step^c of the second moments, negative
 * @param weightDecay decay per unit of learning rate, on tensors of rank 2 and more
 * @param decayVectors whether tensors of rank 1 (norm weights) decay as well
 */
public record Adafactor(double eps, double clipThreshold, double decayRate, double weightDecay, boolean decayVectors)
        implements Optimizer {
    private static final String ROWS = "second_moment_rows";
    private static final String COLUMNS = "second_moment_columns";
    private static final String SECOND = "second_moment";

    /** Checked settings. */
    public Adafactor {
        if (!(eps > 0) || !(clipThreshold > 0) || !(decayRate < 0) || !(weightDecay >= 0)) {
            throw new IllegalArgumentException("adafactor: eps and clip threshold must be positive, decay rate negative"
                    + " and weight decay not negative, got " + eps + ", " + clipThreshold + ", " + decayRate + ", "
                    + weightDecay);
        }
    }

    /** The settings of the CoDA runs, which decayed nothing. */
    public static Adafactor standard() {
        return decaying(0, false);
    }

    /** The settings of the CoDA runs with weight decay. */
    public static Adafactor decaying(double weightDecay, boolean decayVectors) {
        return new Adafactor(1e-30, 1.0, -0.8, weightDecay, decayVectors);
    }

    @Override
    public SequencedMap<String, TensorType> state(SequencedMap<String, TensorType> params, Set<String> stacks) {
        var state = new LinkedHashMap<String, TensorType>();
        params.forEach((name, type) -> {
            if (StepOperands.isMatrix(name, type, stacks)) {
                state.put(rows(name), type.with(type.shape().without(List.of(type.rank() - 1))));
                state.put(columns(name), type.with(type.shape().without(List.of(type.rank() - 2))));
            } else {
                state.put(second(name), type);
            }
        });
        return state;
    }

    @Override
    public List<ShardingPlan.Rule> stateRules(ShardingPlan.Rule parameter) {
        var axes = parameter.axes();
        if (axes.size() < 2) {
            return List.of(parameter.child(SECOND, axes));
        }
        var before = axes.subList(0, axes.size() - 2);
        return List.of(
                parameter.child(ROWS, with(before, axes.get(axes.size() - 2))),
                parameter.child(COLUMNS, with(before, axes.getLast())));
    }

    private static List<String> with(List<String> before, String last) {
        var all = new ArrayList<>(before);
        all.add(last);
        return all;
    }

    private static String rows(String name) {
        return name + "." + ROWS;
    }

    private static String columns(String name) {
        return name + "." + COLUMNS;
    }

    private static String second(String name) {
        return name + "." + SECOND;
    }

    @Override
    public float[] scalars(long step, double rate) {
        double rho = 1 - Math.pow(StepOperands.counted(step), decayRate);
        return new float[] {(float) rate, (float) rho, (float) (1 - rho)};
    }

    @Override
    public Update update(
            SequencedMap<String, Tensor> params,
            SequencedMap<String, Tensor> gradients,
            SequencedMap<String, Tensor> state,
            Tensor scalars,
            Set<String> stacks) {
        var newParams = new LinkedHashMap<String, Tensor>();
        var newState = new LinkedHashMap<String, Tensor>();
        var rate = StepOperands.at(scalars, 0);
        var rho = StepOperands.at(scalars, 1);
        var fresh = StepOperands.at(scalars, 2);
        var decay = rate.like(weightDecay);
        var noDecay = rate.like(0);
        params.forEach((name, param) -> {
            boolean isMatrix = StepOperands.isMatrix(name, param.type(), stacks);
            var moments = isMatrix ? List.of(rows(name), columns(name)) : List.of(second(name));
            var operands = new ArrayList<Tensor>();
            operands.add(param);
            moments.forEach(moment -> operands.add(StepOperands.named(state, moment)));
            operands.add(StepOperands.named(gradients, name));
            operands.addAll(List.of(rate, decayVectors || isMatrix ? decay : noDecay, rho, fresh));
            var updated = Tensor.apply(
                    new Primitive.Adafactor(eps, clipThreshold, isMatrix, stacks.contains(name)),
                    operands.toArray(Tensor[]::new));
            newParams.put(name, updated.getFirst());
            for (int i = 0; i < moments.size(); i++) {
                newState.put(moments.get(i), updated.get(i + 1));
            }
        });
        return new Update(newParams, newState);
    }
}
