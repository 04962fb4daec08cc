package io.coda4j.tensor.opencl;

import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.util.Optional;

/** Rotary position embedding: a table of sines and cosines for the positions of a call, then the rotation. */
final class ClRope {
    private static final String FILE = "rope.cl";

    private ClRope() {}

    static Optional<Kernel> of(ClDevice device, ClTeam team, TensorType x, Primitive.Rope rope) {
        if (!ClTeam.computes(x.dtype())) {
            return Optional.empty();
        }
        int times = x.dim(1);
        int heads = x.dim(2);
        int half = x.dim(3) / 2;
        int rows = Math.toIntExact((long) x.dim(0) * times * heads);
        int items = times * half;
        var angles = team.function(FILE, x.dtype(), "angles");
        var rotate = team.function(FILE, x.dtype(), "rotate_rows");
        float logTheta = (float) Math.log(rope.theta());
        float sign = rope.inverse() ? -1 : 1;
        return Optional.of((in, out) -> {
            try (var table = device.memory().allocate(8L * items)) {
                angles.run(items, 16, ClBuffer.of(in[1]), table, items, half, logTheta, sign);
                team.run(rotate, rows, ClBuffer.of(in[0]), table, ClBuffer.of(out[0]), rows, heads, times, half);
            }
        });
    }
}
