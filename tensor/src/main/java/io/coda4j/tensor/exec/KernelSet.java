package io.coda4j.tensor.exec;

import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** The kernels of a device. */
public interface KernelSet {
    /**
     * A kernel for {@code prim} on operands and results of these types, or empty where the set has none: a fused
     * primitive is then run as its meaning.
     */
    Optional<Kernel> kernel(Primitive prim, List<TensorType> in, List<TensorType> out);

    /**
     * As {@link #kernel(Primitive, List, List)}, where the operands with the numbers {@code frozen} are the same arrays at
     * each run: what the kernel derives from them it may keep with their storage.
     */
    default Optional<Kernel> kernel(Primitive prim, List<TensorType> in, List<TensorType> out, Set<Integer> frozen) {
        return kernel(prim, in, out);
    }

    /** Whether {@code prim} may be a link of a chain here; none may, unless a device says so. */
    default boolean fuses(Primitive.Pointwise prim, List<TensorType> in, TensorType out) {
        return false;
    }

    /**
     * A kernel for {@code chain} over {@code elements} elements, to each link of which {@link #fuses} agreed; empty if this
     * set fuses nothing.
     */
    default Optional<Kernel> chain(Chain chain, long elements) {
        return Optional.empty();
    }

    /** This set where it has a kernel, else {@code other}; at most one of the two fuses chains. */
    default KernelSet orElse(KernelSet other) {
        var first = this;
        return new KernelSet() {
            @Override
            public Optional<Kernel> kernel(Primitive prim, List<TensorType> in, List<TensorType> out) {
                return first.kernel(prim, in, out).or(() -> other.kernel(prim, in, out));
            }

            @Override
            public Optional<Kernel> kernel(
                    Primitive prim, List<TensorType> in, List<TensorType> out, Set<Integer> frozen) {
                return first.kernel(prim, in, out, frozen).or(() -> other.kernel(prim, in, out, frozen));
            }

            @Override
            public boolean fuses(Primitive.Pointwise prim, List<TensorType> in, TensorType out) {
                return first.fuses(prim, in, out) || other.fuses(prim, in, out);
            }

            @Override
            public Optional<Kernel> chain(Chain chain, long elements) {
                return first.chain(chain, elements).or(() -> other.chain(chain, elements));
            }
        };
    }
}
