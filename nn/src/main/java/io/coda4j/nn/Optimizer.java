package io.coda4j.nn;

import io.coda4j.tensor.ShardingPlan;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;

/**
 * A rule that turns gradients into better parameters.
 *
 * <p>Parameters, gradients and state are maps from name to tensor, so that a checkpoint can store them as they are. What
 * changes from step to step (learning rate, bias corrections) is data: a small vector computed on the host and handed
 * to the compiled step.
 */
public sealed interface Optimizer permits AdamW, Adafactor {
    /**
     * New parameters and new state.
     *
     * @param params by name, as given
     * @param state by name
     */
    record Update(SequencedMap<String, Tensor> params, SequencedMap<String, Tensor> state) {}

    /**
     * The names and types of the state for parameters of the given types; it starts as zeros.
     *
     * @param stacks names of parameters whose first axis counts layers, each of which is a parameter of its own
     */
    SequencedMap<String, TensorType> state(SequencedMap<String, TensorType> params, Set<String> stacks);

    /** As {@link #state(SequencedMap, Set)}, without stacks. */
    default SequencedMap<String, TensorType> state(SequencedMap<String, TensorType> params) {
        return state(params, Set.of());
    }

    /** How the state of a parameter is split among devices, if the parameter is split as {@code parameter} says. */
    List<ShardingPlan.Rule> stateRules(ShardingPlan.Rule parameter);

    /**
     * What {@link #update} must know of step {@code step}, counted from 1.
     *
     * @param rate the learning rate of this step
     * @throws IllegalArgumentException if the step is below 1, of which the update would be no number
     */
    float[] scalars(long step, double rate);

    /**
     * One step.
     *
     * @param gradients same names and types as {@code params}
     * @param scalars F32[n], the values of {@link #scalars}
     * @param stacks as in {@link #state(SequencedMap, Set)}
     */
    Update update(
            SequencedMap<String, Tensor> params,
            SequencedMap<String, Tensor> gradients,
            SequencedMap<String, Tensor> state,
            Tensor scalars,
            Set<String> stacks);

    /** As {@link #update(SequencedMap, SequencedMap, SequencedMap, Tensor, Set)}, without stacks. */
    default Update update(
            SequencedMap<String, Tensor> params,
            SequencedMap<String, Tensor> gradients,
            SequencedMap<String, Tensor> state,
            Tensor scalars) {
        return update(params, gradients, state, scalars, Set.of());
    }
}
