package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.spi.Shard;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;

/**
 * A value on its way from host memory to a device.
 *
 * @param buffer the value, which can be used at once
 * @param read when the host memory was read
 * @param isCopied whether the plugin has copied the host memory already
 */
record PjrtUpload(PjrtBuffer buffer, PjrtEvent read, boolean isCopied) {
    /**
     * The value, when the host memory may be used again.
     *
     * @throws PjrtException if the transfer failed; there is no value then
     */
    PjrtBuffer finish() {
        try (read) {
            if (!isCopied) {
                read.await();
            }
            return buffer;
        } catch (RuntimeException e) {
            buffer.close();
            throw e;
        }
    }

    /**
     * Copies the shards of a dense row-major value to their devices, all at the same time; its memory may be used again on
     * return.
     *
     * @param shards one for each of {@code devices}
     * @throws PjrtException if one does not fit, or its transfer fails; none is left then
     */
    static List<PjrtBuffer> shards(
            PjrtClient client, List<Shard> shards, MemorySegment value, List<PjrtAccelerator> devices) {
        try (var arena = Arena.ofConfined()) {
            var memory = new HashMap<Shard, MemorySegment>();
            var begun = new ArrayList<PjrtUpload>(devices.size());
            try {
                for (int i = 0; i < devices.size(); i++) {
                    var part = memory.computeIfAbsent(shards.get(i), shard -> part(shard, value, arena));
                    begun.add(client.beginUpload(shards.get(i).type(), part, devices.get(i)));
                }
            } catch (RuntimeException e) {
                abandon(begun, e);
                throw e;
            }
            return finish(begun);
        }
    }

    /** A shard in native memory: where it is, or a copy. */
    private static MemorySegment part(Shard shard, MemorySegment value, Arena arena) {
        var at = shard.contiguousAt();
        long bytes = shard.type().byteSize();
        if (value.isNative() && bytes > 0 && at.isPresent()) {
            return value.asSlice(at.getAsLong(), bytes);
        }
        var copy = arena.allocate(Math.max(1, bytes), 64);
        shard.cut(value, copy);
        return copy;
    }

    private static List<PjrtBuffer> finish(List<PjrtUpload> begun) {
        var buffers = new ArrayList<PjrtBuffer>(begun.size());
        RuntimeException failure = null;
        for (var upload : begun) {
            try {
                buffers.add(upload.finish());
            } catch (RuntimeException e) {
                failure = failure == null ? e : failure;
            }
        }
        if (failure != null) {
            buffers.forEach(PjrtBuffer::close);
            throw failure;
        }
        return buffers;
    }

    /** Waits for those that were begun, which read memory that is about to go, and destroys them. */
    private static void abandon(List<PjrtUpload> begun, RuntimeException reason) {
        try {
            finish(begun).forEach(PjrtBuffer::close);
        } catch (RuntimeException e) {
            reason.addSuppressed(e);
        }
    }
}
