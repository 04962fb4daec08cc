package io.coda4j.tensor.cpu;

import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The panels of frozen weights, made once for each weight and shared by all programs that read it. They live as long as
 * the weight's buffer.
 */
final class FrozenWeights {
    /**
     * Bytes that the panels of one device may take: as many as the Java heap, which is a quarter of the machine's memory
     * where nothing else was asked for. Weights beyond are packed at each use.
     */
    private static final long LIMIT =
            Long.getLong("coda.packed.bytes", Runtime.getRuntime().maxMemory());

    /**
     * Rows of a product from which on packing the weight for it alone costs a small part of the product. Panels that stay cost
     * more: their memory is new, and the system clears it.
     */
    static final int MANY_ROWS = 128;

    private final CpuMemory memory;
    private final Parallel parallel;
    private final MatmulContext context;
    private final AtomicLong used = new AtomicLong();

    FrozenWeights(CpuMemory memory, Parallel parallel, MatmulContext context) {
        this.memory = memory;
        this.parallel = parallel;
        this.context = context;
    }

    /**
     * The panels of {@code weight}, which lies in {@code buffer}, or null if there is no room for them or the buffer has
     * panels of another shape or layout already.
     */
    @Nullable
    PackedWeights of(MatmulOperand weight, CpuBuffer buffer, PackedWeights.Layout layout) {
        synchronized (buffer) {
            var known = buffer.packed();
            if (known == null) {
                return pack(weight, buffer, layout);
            }
            return known.depth() == weight.depth() && known.layout() == layout ? known : null;
        }
    }

    /**
     * As {@link #of}, but null as well when nothing was asked for {@code buffer} before: a pass that may be the only one does not
     * wait for panels, and takes no memory for them.
     */
    @Nullable
    PackedWeights ofSecondUse(MatmulOperand weight, CpuBuffer buffer, PackedWeights.Layout layout) {
        synchronized (buffer) {
            return buffer.packed() == null && buffer.firstUse() ? null : of(weight, buffer, layout);
        }
    }

    private @Nullable PackedWeights pack(MatmulOperand weight, CpuBuffer buffer, PackedWeights.Layout layout) {
        long bytes = layout.bytes(weight);
        if (used.addAndGet(bytes) > LIMIT) {
            used.addAndGet(-bytes);
            return null;
        }
        var panels = memory.allocate(bytes, () -> used.addAndGet(-bytes));
        var packed = PackedWeights.of(weight, layout, buffer.segment(), panels, parallel, context);
        buffer.keep(packed);
        return packed;
    }
}
