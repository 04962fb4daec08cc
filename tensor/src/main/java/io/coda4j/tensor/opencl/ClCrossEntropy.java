package io.coda4j.tensor.opencl;

import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.util.Optional;

/** Cross-entropy of rows of logits, and its cotangent. */
final class ClCrossEntropy {
    private static final String FILE = "cross_entropy.cl";

    private ClCrossEntropy() {}

    static Optional<Kernel> forward(ClTeam team, TensorType logits) {
        if (!ClTeam.computes(logits.dtype())) {
            return Optional.empty();
        }
        int rows = logits.dim(0);
        int width = logits.dim(1);
        var function = team.function(FILE, logits.dtype(), "cross_entropy");
        return Optional.of((in, out) -> team.run(
                function,
                rows,
                ClBuffer.of(in[0]),
                ClBuffer.of(in[1]),
                ClBuffer.of(out[0]),
                ClBuffer.of(out[1]),
                rows,
                width));
    }

    static Optional<Kernel> gradient(ClTeam team, TensorType logits) {
        if (!ClTeam.computes(logits.dtype())) {
            return Optional.empty();
        }
        int rows = logits.dim(0);
        int width = logits.dim(1);
        var function = team.function(FILE, logits.dtype(), "cross_entropy_grad");
        return Optional.of((in, out) -> team.run(
                function,
                rows,
                ClBuffer.of(in[0]),
                ClBuffer.of(in[1]),
                ClBuffer.of(in[2]),
                ClBuffer.of(in[3]),
                ClBuffer.of(out[0]),
                rows,
                width));
    }
}
