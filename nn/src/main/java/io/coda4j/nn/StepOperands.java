package io.coda4j.nn;

import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import java.util.SequencedMap;
import java.util.Set;

/** What an optimiser finds among the operands of its step, and asks of them. */
final class StepOperands {
    private StepOperands() {}

    /** {@code step}, which must be one. */
    static long counted(long step) {
        if (step < 1) {
            throw new IllegalArgumentException("optimiser: steps are counted from 1, got step " + step);
        }
        return step;
    }

    /** The tensor of that name. */
    static Tensor named(SequencedMap<String, Tensor> tensors, String name) {
        var tensor = tensors.get(name);
        if (tensor == null) {
            throw new IllegalArgumentException(
                    "optimiser: there is no tensor '" + name + "' among " + tensors.keySet() + "; see Optimizer.state");
        }
        return tensor;
    }

    /** An element of a small vector as a scalar. */
    static Tensor at(Tensor vector, int index) {
        return vector.slice(0, index, index + 1).reshape(Shape.of());
    }

    /**
     * Whether a parameter is a matrix, or a stack of matrices.
     *
     * @param stacks as in {@link Optimizer#state(SequencedMap, Set)}
     */
    static boolean isMatrix(String name, TensorType type, Set<String> stacks) {
        return type.rank() - (stacks.contains(name) ? 1 : 0) >= 2;
    }
}
