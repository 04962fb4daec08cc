package io.coda4j.tensor.opencl;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Chain;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.exec.KernelSet;
import java.util.List;
import java.util.Optional;

/** The OpenCL kernels: one line per primitive says which file computes it; empty where its meaning is run instead. */
final class ClKernels implements KernelSet {
    private final ClDevice device;
    private final ClElementwise elementwise;
    private final ClMovement movement;
    private final int group;

    /** Kernels shaped for GPUs or for processors. */
    ClKernels(ClDevice device, boolean forGpu) {
        this.device = device;
        this.group = forGpu ? 128 : 16;
        this.elementwise = new ClElementwise(device.programs(), forGpu);
        this.movement = new ClMovement(device, forGpu);
    }

    @Override
    public Optional<Kernel> kernel(Primitive prim, List<TensorType> in, List<TensorType> out) {
        var y = out.getFirst();
        return switch (prim) {
            case Primitive.Full(var type, double value) -> Optional.of(movement.full(type, value));
            case Primitive.Iota(var type, int axis) -> Optional.of(movement.iota(type, axis));
            case Primitive.Unary unary -> Optional.of(elementwise(unary, in, y));
            case Primitive.Binary binary -> Optional.of(elementwise(binary, in, y));
            case Primitive.Compare compare -> Optional.of(elementwise(compare, in, y));
            case Primitive.Select select -> Optional.of(elementwise(select, in, y));
            case Primitive.Convert convert -> Optional.of(elementwise(convert, in, y));
            case Primitive.Reshape _ -> Optional.of(movement.copyAll());
            case Primitive.Transpose(var permutation) -> Optional.of(movement.transpose(in.getFirst(), permutation));
            case Primitive.Broadcast broadcast -> Optional.of(movement.broadcast(in.getFirst(), broadcast));
            case Primitive.Slice(var starts, var _) -> Optional.of(movement.slice(in.getFirst(), starts, y));
            case Primitive.Pad(var low, var _) -> Optional.of(movement.pad(in.getFirst(), low, y));
            case Primitive.Concat(int axis) -> Optional.of(movement.concat(in, axis, y));
            case Primitive.Reduce(var op, var axes) ->
                Optional.of(ClReduction.of(device, group, op, in.getFirst(), axes, y));
            case Primitive.Dot dot -> Optional.of(ClDot.of(device, movement, group, dot, in));
            case Primitive.TakeRows _ -> Optional.of(movement.takeRows(in.get(0), in.get(1), y));
            case Primitive.ScatterAddRows _ -> Optional.of(ClScatter.of(device, group, in.get(0), in.get(1), y));
            case Primitive.DynamicSlice(int axis, var _) -> Optional.of(movement.dynamicSlice(in.getFirst(), axis, y));
            case Primitive.DynamicUpdateSlice(int axis) ->
                Optional.of(movement.dynamicUpdateSlice(in.get(0), in.get(1), axis));
            case Primitive.Annotate _ -> Optional.of(movement.copyAll());
            case Primitive.RmsNorm _ -> Optional.empty();
            case Primitive.RmsNormGrad _ -> Optional.empty();
            case Primitive.Rope _ -> Optional.empty();
            case Primitive.SwiGlu _ -> Optional.empty();
            case Primitive.SwiGluGrad _ -> Optional.empty();
            case Primitive.Attention _ -> Optional.empty();
            case Primitive.AttentionGrad _ -> Optional.empty();
            case Primitive.CrossEntropy _ -> Optional.empty();
            case Primitive.CrossEntropyGrad _ -> Optional.empty();
            case Primitive.ArgMax _ -> Optional.empty();
            case Primitive.AdamW _ -> Optional.empty();
        };
    }

    private Kernel elementwise(Primitive.Core prim, List<TensorType> in, TensorType out) {
        List<DType> dtypes = in.stream().map(TensorType::dtype).toList();
        return elementwise.kernel(Chain.of(prim, dtypes, out.dtype()), out.size());
    }
}
