package io.coda4j.tensor.opencl;

import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.spi.Buffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/**
 * Attention and its cotangents without an array of scores. On GPUs a group works on a tile of queries or keys in local
 * memory; on processors, and where no tile fits there, a query or a key is the work of one item.
 */
final class ClAttention {
    private static final String SHARED = ClResource.program("attention_rows.cl");
    private static final String ROWS = SHARED + ClResource.read("attention.cl");
    /** What GPUs run. */
    static final String TILES = SHARED + ClResource.read("attention_tile.cl");

    /** The widest head, in vectors of 16, that an item keeps in registers. */
    private static final int MOST_VECTORS = 16;

    /** Local memory that every GPU of the last ten years gives to a group, in bytes. */
    private static final long LOCAL_MEMORY = 48 << 10;

    private final ClDevice device;
    private final boolean forGpu;
    private final int group;

    ClAttention(ClDevice device, boolean forGpu) {
        this.device = device;
        this.forGpu = forGpu;
        this.group = forGpu ? 64 : 1;
    }

    /** A bound kernel over rows of a tensor [B,T,H,D]. */
    @FunctionalInterface
    private interface Rows {
        void run(List<Object> buffers);
    }

    Optional<Kernel> forward(Primitive.Attention prim, List<TensorType> in) {
        var q = in.get(0);
        if (!isSupported(q)) {
            return Optional.empty();
        }
        // Queries and one other tile; a block of scores.
        var kernel = rows("attention", q, q, tile(q, 2, 1), shape(in, prim.scale(), prim.mask()));
        return Optional.of((from, to) -> kernel.run(buffers(from, to)));
    }

    Optional<Kernel> gradient(Primitive.AttentionGrad prim, List<TensorType> in) {
        var q = in.get(0);
        var k = in.get(1);
        if (!isSupported(q)) {
            return Optional.empty();
        }
        var shape = shape(in, prim.scale(), prim.mask());
        // Queries, their cotangents, keys and values; blocks of weights and of their changes.
        var tile = tile(q, 4, 2);
        var ofQueries = rows("attention_grad_queries", q, q, tile, shape);
        var ofKeys = rows("attention_grad_keys", q, k, tile, shape);
        return Optional.of((from, to) -> {
            try (var delta = device.memory().allocate(4L * count(q))) {
                ofQueries.run(buffers(from, new Buffer[] {to[0], delta}));
                // Neither out nor dq.
                var rest = buffers(from, new Buffer[] {delta, to[1], to[2]});
                rest.remove(6);
                ofKeys.run(rest);
            }
        });
    }

    private static boolean isSupported(TensorType q) {
        return ClTeam.computes(q.dtype()) && q.dim(3) > 0 && q.dim(3) <= 16 * MOST_VECTORS;
    }

    /**
     * The rows of a tile, if one fits into local memory.
     *
     * @param tiles of rows of heads that a kernel holds
     * @param blocks of numbers for each pair of rows that it holds
     */
    private OptionalInt tile(TensorType q, int tiles, int blocks) {
        if (!forGpu) {
            return OptionalInt.empty();
        }
        long limit = Math.min(LOCAL_MEMORY, device.info().localMemory());
        return IntStream.of(32, 16)
                .filter(rows -> localBytes(rows, q, tiles, blocks) <= limit)
                .findFirst();
    }

    /** As attention_tile.cl declares it, with a dozen numbers for each row. */
    private static long localBytes(int rows, TensorType q, int tiles, int blocks) {
        int bytes = q.dtype().bytes();
        long pitch = 16L * vectors(q) + 4 / bytes;
        return tiles * rows * pitch * bytes + 4L * blocks * rows * (rows + 1) + 4L * 16 * rows;
    }

    /**
     * A kernel for the rows of {@code of}, which is [B,T,H,D].
     *
     * @param tile rows of a tile; empty for a kernel in which each row is one item's
     */
    private Rows rows(String name, TensorType q, TensorType of, OptionalInt tile, List<Object> shape) {
        var options = ClElement.of(q.dtype()) + " -DVECTORS=" + vectors(q);
        if (tile.isEmpty()) {
            int rows = count(of);
            var function = device.programs().function(ROWS, options, name);
            return buffers -> function.run(rows, group, arguments(buffers, List.of(rows), shape));
        }
        int rows = tile.getAsInt();
        int items = 4 * rows;
        var rolled = device.info().isCpu() ? " -DROLLED" : "";
        var function = device.programs().function(TILES, options + " -DTILE=" + rows + rolled, name);
        long[] grid = {(long) (of.dim(1) + rows - 1) / rows * items, of.dim(2), of.dim(0)};
        return buffers -> function.run(grid, new long[] {items, 1, 1}, arguments(buffers, List.of(), shape));
    }

    /** Vectors of 16 for the head size, rounded up to a power of two so that few programs serve all. */
    private static int vectors(TensorType q) {
        int vectors = (q.dim(3) + 15) / 16;
        return vectors == 1 ? 1 : Integer.highestOneBit(vectors - 1) * 2;
    }

    /** x[B,T,H,D] as B*T*H rows. */
    private static int count(TensorType x) {
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

    private static Object[] arguments(List<Object> buffers, List<Object> counts, List<Object> shape) {
        var all = new ArrayList<>(buffers);
        all.addAll(counts);
        all.addAll(shape);
        return all.toArray();
    }
}
