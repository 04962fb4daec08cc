package io.coda4j.nn;

import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.ShardingPlan;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019), as PyTorch computes it.
 *
 * @param weightDecay decay per unit of learning rate, on tensors of rank 2 and more
 * @param decayVectors whether tensors of rank 1 (norm weights) decay as well
 */
public record AdamW(double beta1, double beta2, double eps, double weightDecay, boolean decayVectors)
        implements Optimizer {
    private static final String FIRST = "first_moment";
    private static final String SECOND = "second_moment";

    /** Checked settings. */
    public AdamW {
        unitInterval("beta1", beta1);
        unitInterval("beta2", beta2);
        if (!(eps > 0) || !(weightDecay >= 0) || Double.isInfinite(eps + weightDecay)) {
            throw new IllegalArgumentException(
                    "adamw: eps must be positive and weight decay not negative, both finite, got " + eps + " and "
                            + weightDecay);
        }
    }

    private static void unitInterval(String name, double value) {
        if (!(value >= 0 && value < 1)) {
            throw new IllegalArgumentException("adamw: " + name + " must be in [0, 1), got " + value);
        }
    }

    @Override
    public SequencedMap<String, TensorType> state(SequencedMap<String, TensorType> params, Set<String> stacks) {
        var state = new LinkedHashMap<String, TensorType>();
        params.forEach((name, type) -> state.put(first(name), type));
        params.forEach((name, type) -> state.put(second(name), type));
        return state;
    }

    @Override
    public List<ShardingPlan.Rule> stateRules(ShardingPlan.Rule parameter) {
        return List.of(parameter.child(FIRST, parameter.axes()), parameter.child(SECOND, parameter.axes()));
    }

    private static String first(String name) {
        return name + "." + FIRST;
    }

    private static String second(String name) {
        return name + "." + SECOND;
    }

    @Override
    public float[] scalars(long step, double rate) {
        StepOperands.counted(step);
        return new float[] {
            (float) rate,
            (float) weightDecay,
            (float) (1 / (1 - Math.pow(beta1, step))),
            (float) (1 / (1 - Math.pow(beta2, step)))
        };
    }

    @Override
    public Update update(
            SequencedMap<String, Tensor> params,
            SequencedMap<String, Tensor> gradients,
            SequencedMap<String, Tensor> state,
            Tensor scalars,
            Set<String> stacks) {
        var newParams = new LinkedHashMap<String, Tensor>();
        var newFirst = new LinkedHashMap<String, Tensor>();
        var newSecond = new LinkedHashMap<String, Tensor>();
        var rate = StepOperands.at(scalars, 0);
        var decay = StepOperands.at(scalars, 1);
        var noDecay = decay.like(0);
        var correction1 = StepOperands.at(scalars, 2);
        var correction2 = StepOperands.at(scalars, 3);
        params.forEach((name, param) -> {
            boolean decays = decayVectors || StepOperands.isMatrix(name, param.type(), stacks);
            var updated = Tensor.apply(
                    new Primitive.AdamW(beta1, beta2, eps),
                    param,
                    StepOperands.named(state, first(name)),
                    StepOperands.named(state, second(name)),
                    StepOperands.named(gradients, name),
                    rate,
                    decays ? decay : noDecay,
                    correction1,
                    correction2);
            newParams.put(name, updated.get(0));
            newFirst.put(first(name), updated.get(1));
            newSecond.put(second(name), updated.get(2));
        });
        newFirst.putAll(newSecond);
        return new Update(newParams, newFirst);
    }
}
