package io.coda4j.tensor;

import java.util.List;

/**
 * One primitive applied within a {@link Program}.
 *
 * @param in operands: parameters, earlier results, or {@link Array} constants
 * @param out the variables it defines, one per result
 */
public record Equation(Primitive prim, List<Tensor> in, List<Symbol> out) {
    /** An equation with immutable copies of the lists. */
    public Equation {
        in = List.copyOf(in);
        out = List.copyOf(out);
    }
}
