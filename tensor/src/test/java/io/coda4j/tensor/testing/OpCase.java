package io.coda4j.tensor.testing;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.ProgramPrinter;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * One line of the table: a primitive on operands of certain types and values.
 *
 * @param terms how many terms are combined into one element; see {@link Tolerance}
 * @param smooth whether the results change smoothly with every floating-point operand around the values of the case
 */
public record OpCase(Primitive prim, List<Operand> operands, int terms, boolean smooth) {
    /** A case with an immutable copy of the operands. */
    public OpCase {
        operands = List.copyOf(operands);
    }

    /** The primitive with its parameters, the operand types, and what is special about the values. */
    public String name() {
        var types = operands.stream().map(operand -> " " + operand.type()).collect(Collectors.joining());
        boolean special = operands.stream().anyMatch(operand -> operand.domain() instanceof Domain.Cycle);
        return ProgramPrinter.call(prim) + types + (special ? " special values" : "");
    }

    /** The operand types. */
    public List<TensorType> types() {
        return operands.stream().map(Operand::type).toList();
    }

    /** The types that the results must have. */
    public List<TensorType> results() {
        return prim.infer(types());
    }

    /** How far result {@code index} may be from the reference. */
    public Tolerance tolerance(int index) {
        return Tolerance.of(results().get(index).dtype(), terms);
    }

    /** The operands with respect to which the case has a gradient. */
    public List<Integer> differentiable() {
        return IntStream.range(0, operands.size())
                .filter(i -> smooth && operands.get(i).type().dtype().isFloat())
                .boxed()
                .toList();
    }

    /** Values for the operands, on the reference device. */
    public List<Array> inputs(long seed) {
        var random = new Random(seed);
        var inputs = new ArrayList<Array>();
        for (var operand : operands) {
            inputs.add(
                    switch (operand.domain()) {
                        case Domain.Result(var source, int count, int index) ->
                            (Array) new Eager(OpTable.reference())
                                    .apply(source, List.<Tensor>copyOf(inputs.subList(0, count)))
                                    .get(index);
                        case Domain other ->
                            Array.of(operand.type(), other.values(operand.type(), random))
                                    .to(OpTable.reference());
                    });
        }
        return inputs;
    }

    @Override
    public String toString() {
        return name();
    }
}
