package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.Activations;
import io.coda4j.tensor.Primitive.QuantizedLinear;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.PanelProduct;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.exec.KernelSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Products of BF16 by BF16 with F32 sums, and of INT8 by INT8 with I32 sums, on instructions that the Vector API does not know.
 * Everything else, and what is too small, is left to the set behind.
 */
final class MachineProducts implements KernelSet {
    /** Multiply-adds below which packing costs more than the product. */
    private static final long SMALL = 1 << 14;

    /** Multiply-adds of each of many matrices, below which they should share their tasks. */
    private static final long SMALL_IN_BATCH = 1 << 20;

    /** Asked for at the first product that it might compute: machine code takes a while to be made and checked. */
    private final Supplier<Optional<PanelProduct>> bf16;

    private final Supplier<Optional<PanelProduct>> int8;
    private final Parallel parallel;
    private final MatmulContext context;
    private final FrozenWeights weights;

    MachineProducts(
            Supplier<Optional<PanelProduct>> bf16,
            Supplier<Optional<PanelProduct>> int8,
            Parallel parallel,
            MatmulContext context,
            FrozenWeights weights) {
        this.bf16 = bf16;
        this.int8 = int8;
        this.parallel = parallel;
        this.context = context;
        this.weights = weights;
    }

    @Override
    public Optional<Kernel> kernel(Primitive prim, List<TensorType> in, List<TensorType> out) {
        return kernel(prim, in, out, Set.of());
    }

    @Override
    public Optional<Kernel> kernel(Primitive prim, List<TensorType> in, List<TensorType> out, Set<Integer> frozen) {
        if (prim instanceof QuantizedLinear linear) {
            return quantized(linear, in, frozen);
        }
        if (!(prim instanceof Primitive.Dot dot)
                || in.get(0).dtype() != DType.BF16
                || in.get(1).dtype() != DType.BF16) {
            return Optional.empty();
        }
        return bf16.get().flatMap(product -> kernel(product, dot, in, frozen));
    }

    private Optional<Kernel> quantized(QuantizedLinear linear, List<TensorType> in, Set<Integer> frozen) {
        if (linear.activations() == Activations.KEPT || !frozen.contains(1)) {
            return Optional.empty();
        }
        return QuantizedKernels.vector(linear, in, parallel, context)
                .flatMap(plain -> int8.get()
                        .map(product -> QuantizedKernels.machine(product, in, plain, parallel, context, weights)));
    }

    private Optional<Kernel> kernel(PanelProduct product, Primitive.Dot dot, List<TensorType> in, Set<Integer> frozen) {
        var left = Matmul.left(dot, in);
        var right = Matmul.right(dot, in);
        boolean isFrozen = frozen.equals(Set.of(1)) && Matmul.isMatrix(left) && Matmul.isMatrix(right);
        // With a weight, the number of rows must not decide: the bits of a row would depend on it.
        long work = (isFrozen ? 1L : left.outer()) * right.outer() * left.depth();
        if (left.outer() == 0 || work < (left.batch().length == 1 ? SMALL : SMALL_IN_BATCH)) {
            return Optional.empty();
        }
        var fast = new PanelMatmul(product, left, right, parallel, context);
        if (isFrozen) {
            var plain = Matmul.bindUnpacked(dot, in, parallel, context).orElseThrow();
            return Optional.of(frozen(right, fast, plain));
        }
        // Few rows are not worth the packing of a panel.
        return Math.min(left.outer(), right.outer()) <= MatmulDots.MAX_FEW
                ? Optional.empty()
                : Optional.of(Matmul.kernel(left, right, fast, parallel));
    }

    /** With the weight's panels, which are packed at the first run; where there is no room for them, as without. */
    private Kernel frozen(MatmulOperand weight, PanelMatmul fast, Kernel plain) {
        return (from, to) -> {
            var panels = weights.of(weight, CpuBuffer.of(from[1]), PackedWeights.Layout.MACHINE);
            if (panels == null) {
                plain.run(from, to);
            } else {
                fast.run(CpuBuffer.segment(from[0]), panels, CpuBuffer.segment(to[0]));
            }
        };
    }
}
