package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.Activations;
import io.coda4j.tensor.Primitive.QuantizedLinear;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.PanelProduct;
import io.coda4j.tensor.cpu.x86.TileProduct;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import io.coda4j.tensor.exec.Chain;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.exec.KernelSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import jdk.incubator.vector.FloatVector;

/** The fast kernels: one line per primitive says which file computes it, or that the reference kernel does. */
final class CpuKernels implements KernelSet {
    private final Parallel parallel;
    private final CpuMemory memory;
    private final MatmulContext matmul;
    private final NativeScratch sums = new NativeScratch();
    private final Pool<AttentionWorkspace> attentions = new Pool<>(AttentionWorkspace::new);

    private final FrozenWeights frozenWeights;

    /** Asked for at the first kernel: machine code takes a while to be made and checked. */
    private final Supplier<Optional<VectorLoops>> loops;

    /** Made for F32 and for BF16 when first needed. */
    private final Map<Boolean, Passes> passes = new ConcurrentHashMap<>();

    /** Loops that many kernels have in common. */
    private record Passes(SoftmaxPasses softmax, AttentionPasses attention, RmsNormPasses rmsNorm) {
        static Passes of(Optional<VectorLoops> loops, boolean narrow) {
            return new Passes(
                    SoftmaxPasses.of(loops, narrow),
                    AttentionPasses.of(loops, narrow),
                    RmsNormPasses.of(loops, narrow));
        }
    }

    /**
     * Vector API kernels but for what there is machine code for, if there is any: {@code f32} for products of F32, {@code loops} for
     * loops over vectors.
     */
    CpuKernels(
            Parallel parallel,
            CpuMemory memory,
            Supplier<Optional<TileProduct>> f32,
            Supplier<Optional<VectorLoops>> loops) {
        this.parallel = parallel;
        this.memory = memory;
        this.loops = loops;
        this.matmul = new MatmulContext(f32, loops);
        this.frozenWeights = new FrozenWeights(memory, parallel, matmul);
    }

    /** These kernels behind machine code for BF16 and INT8, which computes what it can of what is asked for; see there. */
    KernelSet behind(Supplier<Optional<PanelProduct>> bf16, Supplier<Optional<PanelProduct>> int8) {
        return new MachineProducts(bf16, int8, parallel, matmul, frozenWeights).orElse(this);
    }

    /** The width of the vectors in use, for people. */
    static String vectorWidth() {
        return FloatVector.SPECIES_PREFERRED.vectorBitSize() + "-bit vectors";
    }

    @Override
    public Optional<Kernel> kernel(Primitive prim, List<TensorType> in, List<TensorType> out, Set<Integer> frozen) {
        if (prim instanceof QuantizedLinear(var activations)
                && activations == Activations.KEPT
                && frozen.contains(1)
                && QuantizedKernels.serves(in)) {
            return Optional.of(QuantizedKernels.kept(in, parallel, memory, matmul, frozenWeights));
        }
        if (!(prim instanceof Primitive.Dot dot && frozen.equals(Set.of(1)))) {
            return kernel(prim, in, out);
        }
        if (in.getFirst().dtype() == DType.F16) {
            // Only the rows are widened: a frozen weight stays as it is stored.
            return HalfKernel.of(
                    parallel,
                    memory,
                    in.subList(0, 1),
                    List.of(),
                    rows -> kernel(prim, List.of(rows.getFirst(), in.get(1)), out, frozen));
        }
        return Matmul.bindFrozen(dot, in, unpacked(dot, in, out), parallel, matmul, frozenWeights);
    }

    /** The kernel for a frozen right operand that is not packed. */
    private Optional<Kernel> unpacked(Primitive.Dot dot, List<TensorType> in, List<TensorType> out) {
        return HalfKernel.serves(dot, in, out)
                ? HalfKernel.of(parallel, memory, in, out, wide -> Matmul.bindUnpacked(dot, wide, parallel, matmul))
                : Matmul.bindUnpacked(dot, in, parallel, matmul);
    }

    @Override
    public Optional<Kernel> kernel(Primitive prim, List<TensorType> in, List<TensorType> out) {
        return HalfKernel.serves(prim, in, out)
                ? HalfKernel.of(parallel, memory, in, out, wide -> direct(prim, wide, HalfKernel.wide(out)))
                : direct(prim, in, out);
    }

    private Optional<Kernel> direct(Primitive prim, List<TensorType> in, List<TensorType> out) {
        return switch (prim) {
            case Primitive.Full(var type, double value) -> Optional.of(Movement.full(parallel, type, value));
            case Primitive.Iota(var type, int axis) -> Optional.of(Movement.iota(parallel, type, axis));
            case Primitive.Pointwise pointwise -> pointwise(pointwise, in, out.getFirst());
            case Primitive.Reshape _ ->
                Optional.of(Movement.copy(parallel, out.getFirst().byteSize()));
            case Primitive.Transpose(var permutation) ->
                Optional.of(Movement.transpose(parallel, in.getFirst(), permutation));
            case Primitive.Broadcast broadcast -> Optional.of(Movement.broadcast(parallel, in.getFirst(), broadcast));
            case Primitive.Slice(var starts, var _) ->
                Optional.of(Movement.slice(parallel, in.getFirst(), starts, out.getFirst()));
            case Primitive.Pad(var low, var _) ->
                Optional.of(Movement.pad(parallel, in.getFirst(), low, out.getFirst()));
            case Primitive.Concat(int axis) -> Optional.of(Movement.concat(parallel, in, axis, out.getFirst()));
            case Primitive.Reduce(var op, var axes) ->
                Reductions.reduce(parallel, loops.get(), op, in.getFirst(), axes, out.getFirst());
            case Primitive.Dot dot -> Matmul.bind(dot, in, parallel, matmul);
            case Primitive.TakeRows _ -> Optional.of(Rows.take(parallel, in.get(0), in.get(1)));
            case Primitive.ScatterAddRows _ ->
                Rows.scatterAdd(parallel, loops.get(), in.get(0), in.get(1), out.getFirst());
            case Primitive.DynamicSlice slice ->
                Optional.of(Movement.dynamicSlice(parallel, in.getFirst(), slice, out.getFirst()));
            case Primitive.DynamicUpdateSlice(int axis) ->
                Optional.of(Movement.dynamicUpdateSlice(parallel, in.get(0), in.get(1), axis));
            case Primitive.Annotate _ -> Optional.of(Movement.copyAll());
            case Primitive.RmsNorm(double eps) ->
                RmsNormKernel.forward(parallel, passes(in).rmsNorm(), in.getFirst(), eps);
            case Primitive.RmsNormGrad(double eps) ->
                RmsNormKernel.gradient(parallel, passes(in).rmsNorm(), in.getFirst(), eps);
            case Primitive.Rope rope -> RopeKernel.of(parallel, loops.get(), in.getFirst(), rope);
            case Primitive.Softmax _ -> SoftmaxKernel.of(parallel, passes(in).softmax(), in.getFirst());
            case Primitive.SwiGlu _ -> SwiGluKernel.forward(parallel, loops.get(), in.getFirst());
            case Primitive.SwiGluGrad _ -> SwiGluKernel.gradient(parallel, loops.get(), in.getFirst());
            case Primitive.Attention attention ->
                AttentionKernel.bind(
                        attention, in, matmul.macroKernel(), passes(in).attention(), parallel, attentions);
            case Primitive.AttentionGrad grad ->
                AttentionGradKernel.bind(
                        grad, in, matmul.macroKernel(), passes(in).attention(), parallel, attentions);
            case Primitive.CrossEntropy _ ->
                CrossEntropyKernel.forward(parallel, passes(in).softmax(), in.getFirst());
            case Primitive.CrossEntropyGrad _ ->
                CrossEntropyKernel.gradient(parallel, passes(in).softmax(), in.getFirst());
            case Primitive.ArgMax(int axis) -> ArgMaxKernel.of(parallel, in.getFirst(), axis);
            case QuantizedLinear linear -> QuantizedKernels.vector(linear, in, parallel, matmul);
            // Its meaning is a list of steps, whose kernels are bound one by one.
            case Primitive.Scan _ -> Optional.empty();
            case Primitive.AdamW adamW -> AdamWKernel.of(parallel, loops.get(), in.getFirst(), adamW);
            case Primitive.Adafactor adafactor -> AdafactorKernel.of(parallel, in.getFirst(), adafactor, sums);
        };
    }

    /** The passes over rows of the first operand's type. */
    private Passes passes(List<TensorType> in) {
        boolean isNarrow = in.getFirst().dtype() == DType.BF16;
        return passes.computeIfAbsent(isNarrow, narrow -> Passes.of(loops.get(), narrow));
    }

    private Optional<Kernel> pointwise(Primitive.Pointwise prim, List<TensorType> in, TensorType out) {
        var chain = Chain.of(prim, in.stream().map(TensorType::dtype).toList(), out.dtype());
        return loop(chain, out.size()).or(() -> Elementwise.kernel(parallel, prim, in, out));
    }

    private Optional<Kernel> loop(Chain chain, long elements) {
        return loops.get().flatMap(made -> ChainLoop.of(made, parallel, chain, elements));
    }

    @Override
    public boolean fuses(Primitive.Pointwise prim, List<TensorType> in, TensorType out) {
        return ChainKernel.takes(prim, in, out);
    }

    @Override
    public Optional<Kernel> chain(Chain chain, long elements) {
        return loop(chain, elements).or(() -> Optional.of(ChainKernel.of(parallel, chain, elements)));
    }
}
