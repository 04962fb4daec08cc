package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import java.util.List;

/** Calls every hot kernel often enough for it to be compiled; run in a process of its own. */
final class HotKernelWorkload {
    private HotKernelWorkload() {}

    public static void main(String[] args) {
        for (int i = 0; i < 2; i++) {
            for (var form : List.of("NT", "NN", "TN", "TT")) {
                for (var dtype : List.of(DType.F32, DType.BF16)) {
                    MatmulCase.matrices(form, dtype, 48, 96, 64).run(1);
                    MatmulCase.matrices(form, dtype, 24, 64, 300).run(1);
                }
            }
            for (var dtype : List.of(DType.F32, DType.BF16)) {
                MatmulCase.matrices("NT", dtype, 1, 400, 50).run(1);
                MatmulCase.matrices("NT", dtype, 3, 400, 50).run(1);
                new AttentionCase(dtype, AttentionMask.CAUSAL, 1, 40, 40, 2, 1, 32, 0, 2).run(1);
            }
        }
    }
}
