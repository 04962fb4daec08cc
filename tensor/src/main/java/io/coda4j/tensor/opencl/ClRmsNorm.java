package io.coda4j.tensor.opencl;

import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.util.Optional;

/** RMSNorm and its cotangents, over rows of the last axis. */
final class ClRmsNorm {
    private static final String FILE = "rms_norm.cl";

    /** Pieces into which the rows are cut to sum the cotangent of the weight; fixed, so that sums have one order. */
    private static final int PIECES = 32;

    private ClRmsNorm() {}

    static Optional<Kernel> forward(ClTeam team, TensorType x, double eps) {
        int width = x.dim(-1);
        if (!ClTeam.computes(x.dtype()) || width == 0) {
            return Optional.empty();
        }
        int rows = Math.toIntExact(x.size() / width);
        var norm = team.function(FILE, x.dtype(), "rms_norm");
        return Optional.of((in, out) -> team.run(
                norm, rows, ClBuffer.of(in[0]), ClBuffer.of(in[1]), ClBuffer.of(out[0]), rows, width, (float) eps));
    }

    static Optional<Kernel> gradient(ClDevice device, ClTeam team, TensorType x, double eps) {
        int width = x.dim(-1);
        if (!ClTeam.computes(x.dtype()) || width == 0) {
            return Optional.empty();
        }
        int rows = Math.toIntExact(x.size() / width);
        int pieces = Math.clamp(rows, 1, PIECES);
        int length = (rows + pieces - 1) / pieces;
        int columns = team.size() == 1 ? (width + 15) / 16 : width;
        int group = team.size() == 1 ? 1 : 64;
        var norm = team.function(FILE, x.dtype(), "rms_norm_grad");
        var part = team.function(FILE, x.dtype(), "weight_part");
        var sum = team.function(FILE, x.dtype(), "weight_sum");
        return Optional.of((in, out) -> {
            var from = ClBuffer.of(in[0]);
            var g = ClBuffer.of(in[2]);
            try (var inverse = device.memory().allocate(4L * rows);
                    var parts = device.memory().allocate(4L * pieces * width)) {
                team.run(norm, rows, from, ClBuffer.of(in[1]), g, ClBuffer.of(out[0]), inverse, rows, width, (float)
                        eps);
                part.run(
                        new long[] {columns, pieces},
                        new long[] {group, 1},
                        from,
                        g,
                        inverse,
                        parts,
                        rows,
                        width,
                        length);
                sum.run(width, 16, parts, ClBuffer.of(out[1]), pieces, width);
            }
        });
    }
}
