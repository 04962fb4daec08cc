package io.coda4j.tensor.exec;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import java.util.List;

/**
 * Elementwise primitives that are computed together: every element of every result needs only the elements of the same
 * index. Values are numbered: the operands first, then one per link. Two chains are equal if they compute the same,
 * whatever their size, so that one generated kernel serves all.
 *
 * @param operands what is read
 * @param links in an order in which they can be computed
 * @param results numbers of the values that are stored
 */
public record Chain(List<Operand> operands, List<Link> links, List<Integer> results) {
    /**
     * A value in memory.
     *
     * @param repeated whether it has one element, which all indices read
     */
    public record Operand(DType dtype, boolean repeated) {}

    /**
     * A {@link Primitive.Pointwise} primitive applied to values of lower numbers, or a {@link Primitive.Full}, which has no
     * operands: its value is the same at every index.
     *
     * @param dtype element type of the result
     */
    public record Link(Primitive.Core prim, List<Integer> in, DType dtype) {
        /** A link with an immutable copy of the list. */
        public Link {
            in = List.copyOf(in);
        }
    }

    /** A chain with immutable copies of the lists. */
    public Chain {
        operands = List.copyOf(operands);
        links = List.copyOf(links);
        results = List.copyOf(results);
    }

    /** A chain of one primitive on whole operands of these element types. */
    public static Chain of(Primitive.Pointwise prim, List<DType> operands, DType result) {
        var in = java.util.stream.IntStream.range(0, operands.size()).boxed().toList();
        return new Chain(
                operands.stream().map(dtype -> new Operand(dtype, false)).toList(),
                List.of(new Link(prim, in, result)),
                List.of(operands.size()));
    }

    /** The element type of value {@code number}. */
    public DType dtype(int number) {
        return number < operands.size()
                ? operands.get(number).dtype()
                : links.get(number - operands.size()).dtype();
    }
}
