package io.coda4j.coder.train;

import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.LayerStacks;
import io.coda4j.nn.Optimizer;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Device;
import java.lang.foreign.Arena;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * Everything that one training step changes.
 *
 * @param optimizer moments by name
 */
public record TrainState(LanguageModel model, SequencedMap<String, Tensor> optimizer) {
    /** The state at step 0: given weights and moments of zero. */
    public static TrainState start(LanguageModel model, Optimizer optimizer, Device device) {
        var moments = new LinkedHashMap<String, Tensor>();
        momentTypes(model, optimizer).forEach((name, type) -> moments.put(name, zeros(type, device)));
        return new TrainState(model, moments);
    }

    /** The same state with the layers stacked, parameters and moments; see {@link io.coda4j.nn.Transformer}. */
    public TrainState stacked() {
        return model.model().isStacked() ? this : new TrainState(model.stacked(), LayerStacks.stacked(optimizer));
    }

    /** The same state with the layers one by one, as checkpoints hold them. */
    public TrainState unstacked() {
        return model.model().isStacked() ? new TrainState(model.unstacked(), LayerStacks.unstacked(optimizer)) : this;
    }

    /** The names and types of the optimiser's state for {@code model}. */
    public static SequencedMap<String, TensorType> momentTypes(LanguageModel model, Optimizer optimizer) {
        var types = new LinkedHashMap<String, TensorType>();
        Tree.leaves(model).forEach((path, leaf) -> types.put(path, leaf.type()));
        return optimizer.state(types, model.stacks());
    }

    private static Array zeros(TensorType type, Device device) {
        try (var arena = Arena.ofConfined()) {
            return Array.copyOf(type, arena.allocate(Math.max(1, type.byteSize()), 64), device);
        }
    }
}
