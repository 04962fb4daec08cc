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
     * A primitive applied to values of lower numbers. A {@link Primitive.Full} has none: its value is the same at every
     * index.
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
    public static Chain of(Primitive.Core prim, List<DType> operands, DType result) {
        var in = java.util.stream.IntStream.range(0, operands.size()).boxed().toList();
        return new Chain(
                operands.stream().map(dtype -> new Operand(dtype, false)).toList(),
                List.of(new Link(prim, in, result)),
                List.of(operands.size()));
    }

    /** Whether a primitive may be a link. */
    public static boolean isLink(Primitive prim) {
        return switch (prim) {
            case Primitive.Unary _, Primitive.Binary _, Primitive.Compare _, Primitive.Select _, Primitive.Convert _ ->
                true;
            case Primitive.Full _,
                    Primitive.Iota _,
                    Primitive.Reshape _,
                    Primitive.Transpose _,
                    Primitive.Broadcast _,
                    Primitive.Slice _,
                    Primitive.Pad _,
                    Primitive.Concat _,
                    Primitive.Reduce _,
                    Primitive.Dot _,
                    Primitive.TakeRows _,
                    Primitive.ScatterAddRows _,
                    Primitive.DynamicSlice _,
                    Primitive.DynamicUpdateSlice _,
                    Primitive.Annotate _,
                    Primitive.Fused _ -> false;
        };
    }

    /** The element type of value {@code number}. */
    public DType dtype(int number) {
        return number < operands.size()
                ? operands.get(number).dtype()
                : links.get(number - operands.size()).dtype();
    }
}
