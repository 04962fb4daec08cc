package io.coda4j.tensor.exec;

import io.coda4j.tensor.Equation;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Symbol;
import io.coda4j.tensor.Tensor;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * What runs as one kernel: an equation, or several elementwise ones as a {@link Chain}.
 *
 * @param equations in program order
 * @param in what is read from storage
 * @param out what is stored; values of a chain that nothing else reads have no storage
 * @param chain how {@code out} is computed from {@code in}, unless this is a single equation
 */
record Group(List<Equation> equations, List<Tensor> in, List<Symbol> out, Optional<Chain> chain) {
    Group {
        equations = List.copyOf(equations);
        in = List.copyOf(in);
        out = List.copyOf(out);
    }

    /** An equation on its own. */
    static Group of(Equation equation) {
        return new Group(List.of(equation), equation.in(), equation.out(), Optional.empty());
    }

    /** Every equation of a program on its own. */
    static List<Group> singles(Program program) {
        return program.body().stream().map(Group::of).toList();
    }

    /** The equation of a group that is no chain. */
    Equation equation() {
        return equations.getFirst();
    }

    /** Whether the group only gives another name or shape to its operands. */
    boolean isAlias() {
        return chain.isEmpty() && MemoryPlan.isAlias(equation());
    }

    /** What the group computes, for messages. */
    String name() {
        return chain.isEmpty() ? equation().prim().mnemonic() : "a chain of " + equations.size() + " equations";
    }

    /** The elements of each result of a chain. */
    long elements() {
        return out.getFirst().type().size();
    }

    /**
     * The operands whose storage result {@code result} may take over. A chain reads all elements of an index before it
     * writes that index, except where it reads one element at every index.
     */
    List<Integer> overwritable(int result) {
        if (chain.isEmpty()) {
            return InPlace.candidates(equation().prim(), result);
        }
        var operands = chain.get().operands();
        return IntStream.range(0, operands.size())
                .filter(i -> !operands.get(i).repeated()
                        && operands.get(i).dtype().bytes()
                                == out.get(result).type().dtype().bytes())
                .boxed()
                .toList();
    }
}
