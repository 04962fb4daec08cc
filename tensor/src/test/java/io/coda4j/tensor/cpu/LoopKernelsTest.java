package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Primitive.BinaryOp;
import io.coda4j.tensor.Primitive.ReduceOp;
import io.coda4j.tensor.Primitive.UnaryOp;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.EveryWidth;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import io.coda4j.tensor.exec.Chain;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Programs of kernels have registers enough in every width, also where this processor cannot run them. */
class LoopKernelsTest {
    private static final Parallel PARALLEL = new Parallel(1);
    private static final CpuMemory MEMORY = new CpuMemory(CpuDevice.reference());
    private static final TensorType SCALAR = TensorType.f32();
    private static final TensorType P = TensorType.f32(100);

    /** Operations that no loop computes. */
    private static final Set<UnaryOp> WITHOUT = Set.of(UnaryOp.SIN, UnaryOp.COS, UnaryOp.NOT);

    @Test
    void kernelsOfEveryWidthCanBeMade() {
        for (var loops : EveryWidth.loops()) {
            var kernels = new CpuKernels(PARALLEL, MEMORY, Optional::empty, () -> Optional.of(loops));
            bind(kernels, new Primitive.AdamW(0.9, 0.99, 1e-8), P, P, P, P, SCALAR, SCALAR, SCALAR, SCALAR);
            bind(kernels, new Primitive.Reduce(ReduceOp.SUM, List.of(1)), type(DType.F32, 3, 64));
            for (var dtype : List.of(DType.F32, DType.BF16)) {
                bindAll(kernels, dtype);
            }
        }
    }

    /** One call takes a row: of the longest, safepoints would wait for milliseconds. */
    @Test
    void rowsTooLongForOneCallAreLeftToTheVectorApi() {
        int most = LoopCall.MAX_ELEMENTS;
        for (var loops : EveryWidth.loops()) {
            var passes = RmsNormPasses.of(Optional.of(loops), false);
            assertSame(passes, passes.forRows(most));
            assertEquals(RmsNormPasses.of(Optional.empty(), false), passes.forRows(2 * most));
        }
        assertTrue(RopeKernel.hasLoop(TensorType.of(DType.F32, 1, 1, most / 128, 128)));
        assertFalse(RopeKernel.hasLoop(TensorType.of(DType.F32, 1, 1, most / 64, 128)));
        assertFalse(RopeKernel.hasLoop(TensorType.of(DType.F32, 1, 1, 1 << 16, 1 << 16)));
    }

    private static void bindAll(CpuKernels kernels, DType dtype) {
        var rows = type(dtype, 6, 64);
        var weights = type(dtype, 64);
        bind(kernels, new Primitive.RmsNorm(1e-6), rows, weights);
        bind(kernels, new Primitive.RmsNormGrad(1e-6), rows, weights, rows);
        bind(kernels, new Primitive.Softmax(), rows);
        bind(kernels, new Primitive.SwiGlu(), rows, rows);
        bind(kernels, new Primitive.SwiGluGrad(), rows, rows, rows);
        bind(kernels, new Primitive.CrossEntropy(), rows, TensorType.i32(6));
        bind(kernels, new Primitive.ScatterAddRows(9), TensorType.i32(6), rows);
        var dot = MatmulCase.matrices("NT", dtype, 2, 64, 256);
        bind(kernels, dot.dot(), dot.lhs(), dot.rhs());
        var heads = type(dtype, 2, 3, 4, 64);
        bind(kernels, new Primitive.Rope(10_000, false), heads, TensorType.i32(3));
        var attention = new Primitive.Attention(0.125, AttentionMask.FULL);
        var segments = TensorType.i32(2, 3);
        bind(kernels, attention, heads, heads, heads, segments, segments, TensorType.i32());
    }

    /** Asks for a kernel, which fails where a program has no machine code. */
    private static void bind(CpuKernels kernels, Primitive prim, TensorType... operands) {
        var in = List.of(operands);
        assertDoesNotThrow(() -> kernels.kernel(prim, in, prim.infer(in)).orElseThrow(), prim::toString);
    }

    private static TensorType type(DType dtype, int... dims) {
        return new TensorType(dtype, Shape.of(dims));
    }

    @Test
    void everyOperationOfOneElementHasALoopOfEveryWidth() {
        for (var loops : EveryWidth.loops()) {
            for (var dtype : List.of(DType.F32, DType.BF16)) {
                for (var op : UnaryOp.values()) {
                    var chain = Chain.of(new Primitive.Unary(op), List.of(dtype), dtype);
                    assertEquals(!WITHOUT.contains(op), hasLoop(loops, chain), op + " of " + dtype);
                }
                for (var op : List.of(BinaryOp.ADD, BinaryOp.SUB, BinaryOp.MUL, BinaryOp.DIV, BinaryOp.MAX)) {
                    var chain = Chain.of(new Primitive.Binary(op), List.of(dtype, dtype), dtype);
                    assertEquals(true, hasLoop(loops, chain), op + " of " + dtype);
                }
                var convert = Chain.of(new Primitive.Convert(dtype), List.of(DType.F32), dtype);
                assertEquals(true, hasLoop(loops, convert), "conversion to " + dtype);
            }
        }
    }

    private static boolean hasLoop(VectorLoops loops, Chain chain) {
        return ChainLoop.of(loops, PARALLEL, chain, 100).isPresent();
    }
}
