package io.coda4j.tensor.cpu;

import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.exec.KernelSet;
import java.util.List;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;

/** The Vector API kernels: one line per primitive says which file computes it, or that the reference kernel does. */
final class CpuKernels implements KernelSet {
    private final Parallel parallel;
    private final MatmulScratch matmul = new MatmulScratch();
    private final AttentionWorkspace.Pool attentions = new AttentionWorkspace.Pool();

    CpuKernels(Parallel parallel) {
        this.parallel = parallel;
    }

    /** The width of the vectors in use, for people. */
    static String vectorWidth() {
        return FloatVector.SPECIES_PREFERRED.vectorBitSize() + "-bit vectors";
    }

    @Override
    public Optional<Kernel> kernel(Primitive prim, List<TensorType> in, List<TensorType> out) {
        return switch (prim) {
            case Primitive.Full _ -> Optional.empty();
            case Primitive.Iota _ -> Optional.empty();
            case Primitive.Unary _ -> Optional.empty();
            case Primitive.Binary _ -> Optional.empty();
            case Primitive.Compare _ -> Optional.empty();
            case Primitive.Select _ -> Optional.empty();
            case Primitive.Convert _ -> Optional.empty();
            case Primitive.Reshape _ -> Optional.empty();
            case Primitive.Transpose _ -> Optional.empty();
            case Primitive.Broadcast _ -> Optional.empty();
            case Primitive.Slice _ -> Optional.empty();
            case Primitive.Pad _ -> Optional.empty();
            case Primitive.Concat _ -> Optional.empty();
            case Primitive.Reduce _ -> Optional.empty();
            case Primitive.Dot dot -> Matmul.bind(dot, in, parallel, matmul);
            case Primitive.TakeRows _ -> Optional.empty();
            case Primitive.ScatterAddRows _ -> Optional.empty();
            case Primitive.DynamicSlice _ -> Optional.empty();
            case Primitive.DynamicUpdateSlice _ -> Optional.empty();
            case Primitive.Annotate _ -> Optional.empty();
            case Primitive.RmsNorm _ -> Optional.empty();
            case Primitive.RmsNormGrad _ -> Optional.empty();
            case Primitive.Rope _ -> Optional.empty();
            case Primitive.SwiGlu _ -> Optional.empty();
            case Primitive.SwiGluGrad _ -> Optional.empty();
            case Primitive.Attention attention -> AttentionKernel.bind(attention, in, parallel, attentions);
            case Primitive.AttentionGrad grad -> AttentionGradKernel.bind(grad, in, parallel, attentions);
            case Primitive.CrossEntropy _ -> Optional.empty();
            case Primitive.CrossEntropyGrad _ -> Optional.empty();
            case Primitive.ArgMax _ -> Optional.empty();
            case Primitive.AdamW _ -> Optional.empty();
        };
    }
}
