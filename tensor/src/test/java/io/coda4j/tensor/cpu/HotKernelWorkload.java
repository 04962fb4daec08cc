package io.coda4j.tensor.cpu;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.InterpretedCode;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Calls every hot kernel often enough for it to be compiled; run in a process of its own. */
final class HotKernelWorkload {
    private static final CpuDevice DEVICE = CpuDevice.withThreads(1);

    private HotKernelWorkload() {}

    public static void main(String[] args) {
        for (int i = 0; i < 50; i++) {
            elementwise();
        }
        for (int i = 0; i < 2; i++) {
            for (var form : List.of("NT", "NN", "TN", "TT")) {
                for (var dtype : List.of(DType.F32, DType.BF16)) {
                    MatmulCase.matrices(form, dtype, 48, 96, 64).run(1);
                    MatmulCase.matrices(form, dtype, 24, 64, 300).run(1);
                }
            }
            packing();
            quantized();
            for (var dtype : List.of(DType.F32, DType.BF16)) {
                MatmulCase.matrices("NT", dtype, 1, 400, 50).run(1);
                MatmulCase.matrices("NT", dtype, 3, 400, 50).run(1);
                MatmulCase.matrices("NT", dtype, 36, 400, 50).runFrozen(1);
                new AttentionCase(dtype, AttentionMask.CAUSAL, 1, 40, 40, 2, 1, 32, 0, 2).run(1);
            }
        }
    }

    /** Rows and panels for machine code, which is not there on every processor and not needed for them to be packed. */
    private static void packing() {
        for (var form : List.of("NT", "NN", "TN")) {
            var product = MatmulCase.matrices(form, DType.BF16, 48, 96, 300);
            product.run(
                    1, Set.of(), kernels -> kernels.behind(() -> Optional.of(InterpretedCode.idle()), Optional::empty));
            product.run(
                    1,
                    Set.of(1),
                    kernels -> kernels.behind(() -> Optional.of(InterpretedCode.idle()), Optional::empty));
        }
    }

    /** Products of INT8, around machine code and without it. */
    private static void quantized() {
        QuantizedLinearTest.run(7, 96, 150, Set.of(), kernels -> kernels);
        for (var product : List.of(InterpretedCode.idleInt8(2), InterpretedCode.idleInt8(4))) {
            QuantizedLinearTest.run(
                    7, 96, 150, Set.of(1), kernels -> kernels.behind(Optional::empty, () -> Optional.of(product)));
        }
    }

    private static void elementwise() {
        try (var _ = Scope.open()) {
            var type = TensorType.f32(256);
            var x = Array.of(type, new double[256]);
            var one = Array.scalar(1f);
            var row = Array.of(TensorType.f32(128), new double[128]);
            var matrix = Array.of(TensorType.f32(2, 128), new double[256]);
            var eager = new Eager(DEVICE);
            eager.apply(new Primitive.SwiGluGrad(), List.of(x, x, x));
            eager.apply(new Primitive.AdamW(0.9, 0.99, 1e-8), List.of(x, x, x, x, one, one, one, one));
            eager.apply(
                    new Primitive.Adafactor(1e-30, 1, true, false),
                    List.of(matrix, Array.of(TensorType.f32(2), 1, 1), row, matrix, one, one, one, one));
            eager.run(() -> x.eq(x).select(x, x));
        }
    }
}
