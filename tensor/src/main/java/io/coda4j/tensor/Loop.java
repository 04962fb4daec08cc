package io.coda4j.tensor;

import java.util.ArrayList;
import java.util.List;

/**
 * A loop with a fixed number of steps as one {@link Primitive.Scan}: its body is traced once.
 *
 * <pre>{@code
 * // h = h W_i for the matrices W[L,D,D], one after the other
 * var h = Loop.over(List.of(w)).scan((carries, _, slices) -> List.of(carries.get(0).matmul(slices.get(0))), List.of(h0));
 * }</pre>
 *
 * @param stacks tensors [length,…], of which each step sees its slice
 * @param constants tensors that every step sees; the body must not capture tensors instead
 * @param reverse whether the steps go from the last slice to the first
 * @param checkpoint whether the backward pass computes each step again from its carries
 */
public record Loop(List<Tensor> stacks, List<Tensor> constants, boolean reverse, boolean checkpoint) {
    /** What one step computes. */
    @FunctionalInterface
    public interface Body {
        /**
         * The new carries, then the step's slice of each output.
         *
         * @param slices of the stacks, without the first axis
         */
        List<Tensor> apply(List<Tensor> carries, List<Tensor> constants, List<Tensor> slices);
    }

    /** A loop with immutable copies of the lists. */
    public Loop {
        stacks = List.copyOf(stacks);
        constants = List.copyOf(constants);
        if (stacks.isEmpty()) {
            throw new IllegalArgumentException("loop: needs a stack, whose first axis is the number of steps");
        }
    }

    /** A forward loop over stacks, without constants. */
    public static Loop over(List<Tensor> stacks) {
        return new Loop(stacks, List.of(), false, false);
    }

    /** This loop with constants. */
    public Loop with(List<Tensor> others) {
        return new Loop(stacks, others, reverse, checkpoint);
    }

    /** This loop with or without recomputation in the backward pass. */
    public Loop checkpointed(boolean recomputes) {
        return new Loop(stacks, constants, reverse, recomputes);
    }

    /**
     * Runs the loop under the current interpreter.
     *
     * @param carries what the first step gets
     * @return the carries of the last step, then the outputs, stacked [length,…]
     */
    public List<Tensor> scan(Body body, List<Tensor> carries) {
        int first = carries.size();
        int second = first + constants.size();
        var operands = new ArrayList<>(carries);
        operands.addAll(constants);
        var types = new ArrayList<>(operands.stream().map(Tensor::type).toList());
        for (var stack : stacks) {
            types.add(stack.type().with(stack.shape().without(List.of(0))));
        }
        operands.addAll(stacks);
        var program = Trace.of(
                "body",
                in -> body.apply(in.subList(0, first), in.subList(first, second), in.subList(second, in.size())),
                types);
        var scan = new Primitive.Scan(program, stacks.getFirst().dim(0), first, constants.size(), reverse, checkpoint);
        return Tensor.apply(scan, operands.toArray(Tensor[]::new));
    }
}
