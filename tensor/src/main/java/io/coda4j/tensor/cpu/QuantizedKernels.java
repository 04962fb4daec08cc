package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.Activations;
import io.coda4j.tensor.Primitive.QuantizedLinear;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.PanelProduct;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.spi.Buffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;

/** Chooses how a {@link QuantizedLinear} of F32 rows is computed; other rows are left to its meaning. */
final class QuantizedKernels {
    private QuantizedKernels() {}

    private static MatmulOperand rows(List<TensorType> in) {
        var x = in.getFirst();
        var outer = x.shape().axesExcept(List.of(x.rank() - 1));
        return MatmulOperand.of(x, List.of(), outer, List.of(x.rank() - 1));
    }

    private static MatmulOperand weight(List<TensorType> in) {
        return MatmulOperand.of(in.get(1), List.of(), List.of(0), List.of(1));
    }

    /** Whether these kernels serve operands of such types. */
    static boolean serves(List<TensorType> in) {
        return in.getFirst().dtype() == DType.F32
                && in.get(0).size() > 0
                && in.get(1).size() > 0;
    }

    /** By the Vector API, with the weight as it lies; activations that are kept are left to the meaning. */
    static Optional<Kernel> vector(
            QuantizedLinear prim, List<TensorType> in, Parallel parallel, MatmulContext context) {
        if (!serves(in) || prim.activations() == Activations.KEPT) {
            return Optional.empty();
        }
        var weight = weight(in);
        var dots = new QuantizedDots(rows(in).outer(), weight.outer(), weight.depth(), parallel, context);
        return Optional.of((from, to) -> dots.run(
                CpuBuffer.segment(from[0]),
                CpuBuffer.segment(from[1]),
                CpuBuffer.segment(from[2]),
                CpuBuffer.segment(to[0])));
    }

    /** By machine code with the panels of a frozen weight, and by {@code plain} where there is no room for them. */
    static Kernel machine(
            PanelProduct product,
            List<TensorType> in,
            Kernel plain,
            Parallel parallel,
            MatmulContext context,
            FrozenWeights weights) {
        var weight = weight(in);
        var fast = new QuantizedMatmul(product, rows(in).outer(), weight.outer(), weight.depth(), parallel, context);
        return (from, to) -> {
            var panels = weights.of(weight, CpuBuffer.of(from[1]), PackedWeights.Layout.bytes(product));
            if (panels == null) {
                plain.run(from, to);
            } else {
                fast.run(CpuBuffer.segment(from[0]), panels, CpuBuffer.segment(from[2]), CpuBuffer.segment(to[0]));
            }
        };
    }

    /**
     * With activations that are kept and a frozen weight: its values are BF16 numbers, in whose panels they take half the
     * memory of F32 and are widened in registers. Where there is no room for panels, as {@link #widened}.
     */
    static Kernel kept(
            List<TensorType> in, Parallel parallel, CpuMemory memory, MatmulContext context, FrozenWeights weights) {
        var plain = widened(in, parallel, memory, context);
        var weight = weight(in);
        var left = rows(in);
        var product = new PackedMatmul(left, weight.outer(), parallel, context);
        return (from, to) -> {
            var panels = weights.of(weight, CpuBuffer.of(from[1]), PackedWeights.Layout.NARROW);
            if (panels == null) {
                plain.run(from, to);
                return;
            }
            var y = CpuBuffer.segment(to[0]);
            product.run(CpuBuffer.segment(from[0]), panels, y);
            var scale = CpuBuffer.segment(from[2]);
            parallel.forEach(left.outer(), row -> scale(y, row, scale, weight.outer()));
        };
    }

    /** With activations that are kept: the weight is widened to F32 in memory of the run. */
    static Kernel widened(List<TensorType> in, Parallel parallel, CpuMemory memory, MatmulContext context) {
        var x = in.getFirst();
        var wide = in.get(1).as(DType.F32);
        var convert = Elementwise.kernel(parallel, new Primitive.Convert(DType.F32), List.of(in.get(1)), wide)
                .orElseThrow();
        var dot = new Primitive.Dot(List.of(), List.of(), List.of(x.rank() - 1), List.of(1), DType.F32);
        var product = Matmul.bind(dot, List.of(x, wide), parallel, context).orElseThrow();
        int rows = rows(in).outer();
        return (from, to) -> {
            try (var copy = memory.allocate(wide.byteSize())) {
                convert.run(new Buffer[] {from[1]}, new Buffer[] {copy});
                product.run(new Buffer[] {from[0], copy}, to);
            }
            var y = CpuBuffer.segment(to[0]);
            var scale = CpuBuffer.segment(from[2]);
            parallel.forEach(rows, row -> scale(y, row, scale, wide.dim(0)));
        };
    }

    private static void scale(MemorySegment y, int row, MemorySegment scale, int columns) {
        long at = 4L * row * columns;
        for (int c = 0; c < columns; c++) {
            float sum = y.get(ValueLayout.JAVA_FLOAT, at + 4L * c);
            y.set(ValueLayout.JAVA_FLOAT, at + 4L * c, sum * scale.get(ValueLayout.JAVA_FLOAT, 4L * c));
        }
    }
}
