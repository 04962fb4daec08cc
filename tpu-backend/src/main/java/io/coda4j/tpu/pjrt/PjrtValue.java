package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Shard;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A value on a {@link PjrtDevice}, one buffer for each of its devices; perhaps one that is still being computed. */
final class PjrtValue implements Buffer {
    private static final Cleaner CLEANER = Cleaner.create();

    private final PjrtDevice device;
    private final TensorType type;
    private final List<String> split;
    private final List<PjrtBuffer> parts;
    private final @Nullable PjrtEnd end;
    private final Cleaner.Cleanable cleanable;

    /**
     * A value.
     *
     * @param split how it lies on the device's mesh
     * @param parts one buffer for each device of the mesh, which belong to the value from now on
     * @param end of the run that computes it on several devices, or null
     */
    PjrtValue(PjrtDevice device, TensorType type, List<String> split, List<PjrtBuffer> parts, @Nullable PjrtEnd end) {
        this.device = device;
        this.type = type;
        this.split = split;
        this.parts = parts;
        this.end = end;
        // The safety net for values that nobody closes.
        var releases = parts.stream().map(PjrtBuffer::release).toList();
        this.cleanable = CLEANER.register(this, () -> releases.forEach(Runnable::run));
    }

    /** A value that must be on a PJRT device. */
    static PjrtValue of(Buffer value) {
        if (value instanceof PjrtValue pjrt) {
            return pjrt;
        }
        throw new DeviceException("expected a value on a PJRT device, got one on "
                + value.device().name());
    }

    TensorType type() {
        return type;
    }

    /** How it lies on the mesh of its device. */
    List<String> split() {
        return split;
    }

    /** The buffer on a device, by its number in the mesh. */
    PjrtBuffer part(int number) {
        return parts.get(number);
    }

    @Override
    public Device device() {
        return device;
    }

    @Override
    public long byteSize() {
        return type.byteSize();
    }

    /**
     * {@inheritDoc}
     *
     * @throws PjrtException if what computes the value has failed, on any of the devices
     */
    @Override
    public void download(MemorySegment host) {
        var target = host.asSlice(0, byteSize());
        try (var arena = Arena.ofConfined()) {
            var pieces = pieces(target, arena);
            if (end != null) {
                end.await();
            }
            pieces.forEach(piece -> piece.paste(target));
        }
    }

    /** A shard on its way to host memory. */
    private record Piece(Shard shard, MemorySegment memory, boolean isInPlace) {
        void paste(MemorySegment target) {
            if (!isInPlace) {
                shard.paste(memory, target);
            }
        }
    }

    /** Each part of the value once, from the first device that has it; all are there on return. */
    private List<Piece> pieces(MemorySegment target, Arena arena) {
        var shards = device.shards(type, split);
        var pieces = new ArrayList<Piece>();
        var events = new ArrayList<PjrtEvent>();
        try {
            for (int i = 0; i < shards.size(); i++) {
                if (shards.indexOf(shards.get(i)) == i) {
                    var piece = piece(shards.get(i), target, arena);
                    pieces.add(piece);
                    events.add(parts.get(i).download(piece.shard.type(), piece.memory));
                }
            }
        } finally {
            // Also those that were begun before a failure: the memory is theirs until they end.
            awaitAll(events);
        }
        return pieces;
    }

    private static Piece piece(Shard shard, MemorySegment target, Arena arena) {
        var at = shard.contiguousAt();
        long bytes = shard.type().byteSize();
        return target.isNative() && bytes > 0 && at.isPresent()
                ? new Piece(shard, target.asSlice(at.getAsLong(), bytes), true)
                : new Piece(shard, arena.allocate(Math.max(1, bytes), 64), false);
    }

    private static void awaitAll(List<PjrtEvent> events) {
        RuntimeException failure = null;
        for (var event : events) {
            try (event) {
                event.await();
            } catch (RuntimeException e) {
                failure = failure == null ? e : failure;
            }
        }
        if (failure != null) {
            throw failure;
        }
    }

    @Override
    public void close() {
        cleanable.clean();
    }
}
