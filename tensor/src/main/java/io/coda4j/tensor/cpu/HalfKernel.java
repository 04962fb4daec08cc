package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.spi.Buffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;

/**
 * A kernel over F32 applied to F16: operands are widened to F32 in memory of the run, and results are rounded once. Weights
 * of products are not expanded so: see {@link PackedWeights}.
 */
final class HalfKernel implements Kernel {
    /** Elements of F16 to F32, or back, and the bytes that they take as F32. */
    private record Conversion(Kernel kernel, long wideBytes) {}

    private final Kernel wide;
    private final CpuMemory memory;

    /** For each operand and each result; null where it stays as it is. */
    private final List<@Nullable Conversion> widening;

    private final List<@Nullable Conversion> narrowing;

    private HalfKernel(
            Kernel wide, CpuMemory memory, List<@Nullable Conversion> widening, List<@Nullable Conversion> narrowing) {
        this.wide = wide;
        this.memory = memory;
        this.widening = widening;
        this.narrowing = narrowing;
    }

    /** Whether a primitive computes, on operands or results of F16; others move elements, or have kernels for them. */
    static boolean serves(Primitive prim, List<TensorType> in, List<TensorType> out) {
        return computes(prim)
                && (in.stream().anyMatch(HalfKernel::isHalf) || out.stream().anyMatch(HalfKernel::isHalf));
    }

    private static boolean computes(Primitive prim) {
        return switch (prim) {
            case Primitive.Unary _,
                    Primitive.Binary _,
                    Primitive.Compare _,
                    Primitive.Reduce _,
                    Primitive.Dot _,
                    Primitive.ScatterAddRows _,
                    Primitive.RmsNorm _,
                    Primitive.RmsNormGrad _,
                    Primitive.Rope _,
                    Primitive.Softmax _,
                    Primitive.SwiGlu _,
                    Primitive.SwiGluGrad _,
                    Primitive.Attention _,
                    Primitive.AttentionGrad _,
                    Primitive.CrossEntropy _,
                    Primitive.CrossEntropyGrad _,
                    Primitive.ArgMax _ -> true;
            // Moments are rounded at every step of the meaning, which then serves, as for BF16.
            case Primitive.AdamW _, Primitive.Adafactor _ -> false;
            case Primitive.Full _,
                    Primitive.Iota _,
                    Primitive.Select _,
                    Primitive.Convert _,
                    Primitive.Reshape _,
                    Primitive.Transpose _,
                    Primitive.Broadcast _,
                    Primitive.Slice _,
                    Primitive.Pad _,
                    Primitive.Concat _,
                    Primitive.TakeRows _,
                    Primitive.DynamicSlice _,
                    Primitive.DynamicUpdateSlice _,
                    Primitive.Annotate _,
                    // What it means widens its first operand alone.
                    Primitive.QuantizedLinear _,
                    Primitive.Scan _ -> false;
        };
    }

    private static boolean isHalf(TensorType type) {
        return type.dtype() == DType.F16;
    }

    private static TensorType wide(TensorType type) {
        return isHalf(type) ? type.as(DType.F32) : type;
    }

    /**
     * The kernel that {@code kernels} gives for the same types with F32 for F16, on F16; empty where it gives none.
     *
     * @param in types of the first operands; others are passed on as they are
     * @param out types of the first results, likewise
     * @param kernels from the types of the operands to a kernel
     */
    static Optional<Kernel> of(
            Parallel parallel,
            CpuMemory memory,
            List<TensorType> in,
            List<TensorType> out,
            Function<List<TensorType>, Optional<Kernel>> kernels) {
        return kernels.apply(wide(in))
                .map(kernel -> new HalfKernel(
                        kernel,
                        memory,
                        conversions(in, size -> widening(parallel, size)),
                        conversions(out, size -> narrowing(parallel, size))));
    }

    /** The types with F32 for F16. */
    static List<TensorType> wide(List<TensorType> types) {
        return types.stream().map(HalfKernel::wide).toList();
    }

    private static List<@Nullable Conversion> conversions(List<TensorType> types, LongFunction<Kernel> kernel) {
        var conversions = new ArrayList<@Nullable Conversion>();
        for (var type : types) {
            conversions.add(isHalf(type) ? new Conversion(kernel.apply(type.size()), 4 * type.size()) : null);
        }
        return conversions;
    }

    private static Kernel widening(Parallel parallel, long size) {
        return Launch.of(parallel, LaneLoop.pieces(size), (in, out, task) -> {
            long first = (long) task * LaneLoop.PIECE;
            long x = LaneLoop.address(in[0], 2 * size) + 2 * first;
            HalfLanes.widen(x, LaneLoop.address(out[0], 4 * size) + 4 * first, LaneLoop.count(size, task));
        });
    }

    private static Kernel narrowing(Parallel parallel, long size) {
        return Launch.of(parallel, LaneLoop.pieces(size), (in, out, task) -> {
            long first = (long) task * LaneLoop.PIECE;
            long x = LaneLoop.address(in[0], 4 * size) + 4 * first;
            HalfLanes.narrow(x, LaneLoop.address(out[0], 2 * size) + 2 * first, LaneLoop.count(size, task));
        });
    }

    @Override
    public void run(Buffer[] from, Buffer[] to) {
        var operands = from.clone();
        var results = to.clone();
        try {
            for (int i = 0; i < widening.size(); i++) {
                var conversion = widening.get(i);
                if (conversion != null) {
                    operands[i] = memory.allocate(conversion.wideBytes);
                    conversion.kernel.run(new Buffer[] {from[i]}, new Buffer[] {operands[i]});
                }
            }
            for (int k = 0; k < narrowing.size(); k++) {
                var conversion = narrowing.get(k);
                if (conversion != null) {
                    results[k] = memory.allocate(conversion.wideBytes);
                }
            }
            wide.run(operands, results);
            for (int k = 0; k < narrowing.size(); k++) {
                var conversion = narrowing.get(k);
                if (conversion != null) {
                    conversion.kernel.run(new Buffer[] {results[k]}, new Buffer[] {to[k]});
                }
            }
        } finally {
            close(operands, from);
            close(results, to);
        }
    }

    private static void close(Buffer[] own, Buffer[] given) {
        for (int i = 0; i < own.length; i++) {
            if (own[i] != given[i]) {
                own[i].close();
            }
        }
    }
}
