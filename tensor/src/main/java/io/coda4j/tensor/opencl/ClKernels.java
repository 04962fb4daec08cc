package io.coda4j.tensor.opencl;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Chain;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.exec.KernelSet;
import io.coda4j.tensor.spi.Buffer;
import java.util.List;
import java.util.Optional;

/** The OpenCL kernels: one line per primitive says which file computes it; empty where its meaning is run instead. */
final class ClKernels implements KernelSet {
    private static final String ARG_MAX = ClResource.program("arg_max.cl");

    private final ClDevice device;
    private final ClElementwise elementwise;
    private final ClMovement movement;
    private final ClMatmul matmul;
    private final ClTeam team;
    private final ClAttention attention;
    private final boolean forGpu;
    private final int group;
    private final long shortestChain;

    /**
     * Kernels for {@code device}.
     *
     * @param forGpu whether they are shaped for GPUs, or for processors
     * @param shortestChain elements from which a chain gets a kernel of its own: for fewer, building it costs more than
     *     the launches it saves
     * @param tensorCores those that products of BF16 may use where kernels are for GPUs
     */
    ClKernels(ClDevice device, boolean forGpu, long shortestChain, ClTensorCores tensorCores) {
        this.device = device;
        this.shortestChain = shortestChain;
        this.forGpu = forGpu;
        this.group = forGpu ? 128 : 16;
        this.elementwise = new ClElementwise(device.programs(), forGpu);
        this.movement = new ClMovement(device, forGpu);
        this.matmul = new ClMatmul(device, forGpu, device.tuning(), tensorCores);
        this.team = ClTeam.of(device.programs(), forGpu);
        this.attention = new ClAttention(device, forGpu);
    }

    @Override
    public Optional<Kernel> kernel(Primitive prim, List<TensorType> in, List<TensorType> out) {
        var y = out.getFirst();
        return switch (prim) {
            case Primitive.Full(var type, double value) -> Optional.of(movement.full(type, value));
            case Primitive.Iota(var type, int axis) -> Optional.of(movement.iota(type, axis));
            case Primitive.Pointwise pointwise -> Optional.of(elementwise(pointwise, in, y));
            case Primitive.Reshape _ -> Optional.of(movement.copyAll());
            case Primitive.Transpose(var permutation) -> Optional.of(movement.transpose(in.getFirst(), permutation));
            case Primitive.Broadcast broadcast -> Optional.of(movement.broadcast(in.getFirst(), broadcast));
            case Primitive.Slice(var starts, var _) -> Optional.of(movement.slice(in.getFirst(), starts, y));
            case Primitive.Pad(var low, var _) -> Optional.of(movement.pad(in.getFirst(), low, y));
            case Primitive.Concat(int axis) -> Optional.of(movement.concat(in, axis, y));
            case Primitive.Reduce(var op, var axes) ->
                Optional.of(ClReduction.of(device, forGpu, group, op, in.getFirst(), axes, y));
            case Primitive.Dot dot -> Optional.of(dot(dot, in));
            case Primitive.TakeRows _ -> Optional.of(movement.takeRows(in.get(0), in.get(1), y));
            case Primitive.ScatterAddRows _ ->
                Optional.of(ClScatter.of(device, forGpu, group, in.get(0), in.get(1), y));
            case Primitive.DynamicSlice(int axis, var _) -> Optional.of(movement.dynamicSlice(in.getFirst(), axis, y));
            case Primitive.DynamicUpdateSlice(int axis) ->
                Optional.of(movement.dynamicUpdateSlice(in.get(0), in.get(1), axis));
            case Primitive.Annotate _ -> Optional.of(movement.copyAll());
            case Primitive.RmsNorm(double eps) -> ClRmsNorm.forward(team, in.getFirst(), eps);
            case Primitive.RmsNormGrad(double eps) -> ClRmsNorm.gradient(device, team, in.getFirst(), eps);
            case Primitive.Rope rope -> ClRope.of(device, team, in.getFirst(), rope);
            // These are elementwise: their meaning becomes one generated kernel.
            case Primitive.SwiGlu _, Primitive.SwiGluGrad _, Primitive.AdamW _ -> Optional.empty();
            // Two reductions and the elementwise kernels around them.
            case Primitive.Softmax _ -> Optional.empty();
            // Its meaning is a conversion or a rounding, one product, and a scaling.
            case Primitive.QuantizedLinear _ -> Optional.empty();
            // Sums of rows and columns, and elementwise kernels between them.
            case Primitive.Adafactor _ -> Optional.empty();
            case Primitive.Scan _ -> Optional.empty();
            case Primitive.Attention forward -> attention.forward(forward, in);
            case Primitive.AttentionGrad grad -> attention.gradient(grad, in);
            case Primitive.CrossEntropy _ -> ClCrossEntropy.forward(team, in.getFirst());
            case Primitive.CrossEntropyGrad _ -> ClCrossEntropy.gradient(team, in.getFirst());
            case Primitive.ArgMax(int axis) -> argMax(in.getFirst(), axis);
        };
    }

    /** What people should know about products of BF16. */
    String tensorCoresNote() {
        return matmul.tensorCoresUnusableBecause()
                .map(reason -> ", BF16 without tensor cores (" + reason + ")")
                .orElse(", BF16 on tensor cores");
    }

    @Override
    public boolean fuses(Primitive.Pointwise prim, List<TensorType> in, TensorType out) {
        return out.size() >= shortestChain;
    }

    @Override
    public Optional<Kernel> chain(Chain chain, long elements) {
        return Optional.of(elementwise.kernel(chain, elements));
    }

    private Optional<Kernel> argMax(TensorType x, int axis) {
        long items = x.size() / x.dim(axis);
        int count = ClGrid.count(items);
        int stride = ClGrid.count(x.shape().strides()[axis]);
        boolean isTeam = forGpu && stride == 1 && x.dim(axis) >= group;
        var options = ClElement.of(x.dtype()) + (isTeam ? " -DTEAM=" + group : "");
        var function = device.programs().function(ARG_MAX, options, "arg_max");
        return Optional.of((in, out) -> function.run(
                isTeam ? items * group : items,
                group,
                ClBuffer.of(in[0]),
                ClBuffer.of(out[0]),
                count,
                stride,
                x.dim(axis)));
    }

    /** Operands of two types are multiplied in the wider one. */
    private Kernel dot(Primitive.Dot dot, List<TensorType> in) {
        if (in.get(0).dtype() == in.get(1).dtype()) {
            return ClDot.of(device, movement, matmul, dot, in);
        }
        var wide = in.stream().map(x -> x.as(dot.accumulate())).toList();
        var product = ClDot.of(device, movement, matmul, dot, wide);
        int narrow = in.get(0).dtype() == dot.accumulate() ? 1 : 0;
        var type = wide.get(narrow);
        var widen = elementwise(new Primitive.Convert(type.dtype()), List.of(in.get(narrow)), type);
        return (from, to) -> {
            try (var copy = device.memory().allocate(type.byteSize())) {
                widen.run(new Buffer[] {from[narrow]}, new Buffer[] {copy});
                var operands = from.clone();
                operands[narrow] = copy;
                product.run(operands, to);
            }
        };
    }

    private Kernel elementwise(Primitive.Pointwise prim, List<TensorType> in, TensorType out) {
        List<DType> dtypes = in.stream().map(TensorType::dtype).toList();
        return elementwise.kernel(Chain.of(prim, dtypes, out.dtype()), out.size());
    }
}
