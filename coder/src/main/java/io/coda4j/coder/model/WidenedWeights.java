package io.coda4j.coder.model;

import io.coda4j.nn.safetensors.Safetensors;
import io.coda4j.nn.safetensors.StoredType;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Device;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.stream.LongStream;

/**
 * Stored weights as F32 arrays on a device. All tensors pass through the same memory: touching new pages for each would take
 * longer than reading the file. It grows with the first tensor that needs more; of most models the largest one comes first, and
 * a model whose matrices stay as they are stored needs little.
 */
final class WidenedWeights implements AutoCloseable {
    /** Elements of one task. */
    private static final long PIECE = 1 << 20;

    private final Safetensors weights;
    private final Arena arena = Arena.ofShared();
    private MemorySegment memory = MemorySegment.NULL;

    WidenedWeights(Safetensors weights) {
        this.weights = weights;
    }

    /** The tensor called {@code key}, which has the shape of {@code type}, on {@code device}. */
    Array array(String key, TensorType type, Device device) {
        if (weights.entry(key).type() == StoredType.F32) {
            return Array.copyOf(type, weights.bytes(key), device);
        }
        if (memory.byteSize() < type.byteSize()) {
            memory = arena.allocate(type.byteSize(), 64);
        }
        long count = type.size();
        LongStream.range(0, Math.ceilDiv(count, PIECE)).parallel().forEach(piece -> {
            long first = piece * PIECE;
            weights.copyFloats(key, first, memory, first * Float.BYTES, Math.min(PIECE, count - first));
        });
        return Array.copyOf(type, memory, device);
    }

    @Override
    public void close() {
        arena.close();
    }
}
