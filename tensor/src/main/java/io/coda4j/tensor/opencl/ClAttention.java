package io.coda4j.tensor.opencl;

import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.spi.Buffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Attention and its cotangents without an array of scores; a query or a key is the work of one item. */
final class ClAttention {
    private static final String SOURCE = ClResource.program("attention.cl");

    /** The widest head, in vectors of 16, that an item keeps in registers. */
    private static final int MOST_VECTORS = 16;

    private final ClDevice device;
    private final int group;

    ClAttention(ClDevice device, boolean forGpu) {
        this.device = device;
        this.group = forGpu ? 64 : 1;
    }

    Optional<Kernel> forward(Primitive.Attention prim, List<TensorType> in) {
        var q = in.get(0);
        if (!isSupported(q)) {
            return Optional.empty();
        }
        var function = device.programs().function(SOURCE, options(q), "attention");
        int rows = rows(q);
        var shape = shape(in, prim.scale(), prim.mask());
        return Optional.of((from, to) -> function.run(rows, group, arguments(rows, shape, buffers(from, to))));
    }

    Optional<Kernel> gradient(Primitive.AttentionGrad prim, List<TensorType> in) {
        var q = in.get(0);
        if (!isSupported(q)) {
            return Optional.empty();
        }
        var ofQueries = device.programs().function(SOURCE, options(q), "attention_grad_queries");
        var ofKeys = device.programs().function(SOURCE, options(q), "attention_grad_keys");
        int queries = rows(q);
        int keys = rows(in.get(1));
        var shape = shape(in, prim.scale(), prim.mask());
        return Optional.of((from, to) -> {
            try (var delta = device.memory().allocate(4L * queries)) {
                var all = buffers(from, new Buffer[] {to[0], delta});
                ofQueries.run(queries, group, arguments(queries, shape, all));
                // Neither out nor dq.
                var rest = buffers(from, new Buffer[] {delta, to[1], to[2]});
                rest.remove(6);
                ofKeys.run(keys, group, arguments(keys, shape, rest));
            }
        });
    }

    private static boolean isSupported(TensorType q) {
        return ClTeam.computes(q.dtype()) && q.dim(3) > 0 && q.dim(3) <= 16 * MOST_VECTORS;
    }

    /** Registers for the head size, rounded up to a power of two so that few programs serve all. */
    private static String options(TensorType q) {
        int vectors = (q.dim(3) + 15) / 16;
        int rounded = vectors == 1 ? 1 : Integer.highestOneBit(vectors - 1) * 2;
        return ClElement.of(q.dtype()) + " -DVECTORS=" + rounded;
    }

    /** x[B,T,H,D] as B*T*H rows. */
    private static int rows(TensorType x) {
        return Math.multiplyExact(Math.multiplyExact(x.dim(0), x.dim(1)), x.dim(2));
    }

    /** The parameters SHAPE of the kernels. */
    private static List<Object> shape(List<TensorType> in, double scale, AttentionMask mask) {
        var q = in.get(0);
        var k = in.get(1);
        return List.of(
                q.dim(1),
                k.dim(1),
                q.dim(2),
                k.dim(2),
                q.dim(3),
                switch (mask) {
                    case FULL -> 0;
                    case CAUSAL -> 1;
                },
                (float) scale);
    }

    private static List<Object> buffers(Buffer[] in, Buffer[] out) {
        var all = new ArrayList<Object>();
        for (var buffer : in) {
            all.add(ClBuffer.of(buffer));
        }
        for (var buffer : out) {
            all.add(ClBuffer.of(buffer));
        }
        return all;
    }

    private static Object[] arguments(int rows, List<Object> shape, List<Object> buffers) {
        var all = new ArrayList<>(buffers);
        all.add(rows);
        all.addAll(shape);
        return all.toArray();
    }
}
