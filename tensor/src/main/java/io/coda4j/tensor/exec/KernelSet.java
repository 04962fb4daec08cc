package io.coda4j.tensor.exec;

import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import java.util.List;
import java.util.Optional;

/** The kernels of a device. */
public interface KernelSet {
    /**
     * A kernel for {@code prim} on operands and results of these types, or empty where the set has none: a fused
     * primitive is then run as its meaning.
     */
    Optional<Kernel> kernel(Primitive prim, List<TensorType> in, List<TensorType> out);

    /** This set where it has a kernel, else {@code other}. */
    default KernelSet orElse(KernelSet other) {
        return (prim, in, out) -> kernel(prim, in, out).or(() -> other.kernel(prim, in, out));
    }
}
