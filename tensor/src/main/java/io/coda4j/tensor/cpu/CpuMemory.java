package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DeviceMemoryException;
import io.coda4j.tensor.exec.Memory;
import io.coda4j.tensor.spi.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A pool of native blocks in size classes; blocks of closed buffers are reused, none is given back before the end.
 *
 * <p>The garbage collector sees of a buffer only the few bytes that it has in the Java heap, and has no reason to look for
 * large ones that nobody closed. So it is asked to, each time twice as much is in use as after it last looked.
 */
final class CpuMemory implements Memory, AutoCloseable {
    /** A cache line, and the width of the widest vectors. */
    static final int ALIGNMENT = 64;

    /** Bytes in use up to which the garbage collector is not asked. */
    private static final long LEAST_COLLECTED = 1L << 30;

    private static final Cleaner CLEANER = Cleaner.create();

    private final CpuDevice device;
    private final Arena arena = Arena.ofShared();
    private final Map<Long, Deque<MemorySegment>> free = new ConcurrentHashMap<>();

    /** Held for reading by whoever works on blocks, by several threads at once; for writing to end them. */
    private final ReadWriteLock ending = new ReentrantReadWriteLock();

    private final AtomicLong used = new AtomicLong();
    private final AtomicLong held = new AtomicLong();
    private final long leastCollected;
    private volatile long collectAt;
    private volatile boolean closed;

    CpuMemory(CpuDevice device) {
        this(device, LEAST_COLLECTED);
    }

    /** As the other, with the bytes in use up to which the garbage collector is not asked. */
    CpuMemory(CpuDevice device, long leastCollected) {
        this.device = device;
        this.leastCollected = leastCollected;
        this.collectAt = leastCollected;
    }

    @Override
    public CpuBuffer allocate(long bytes) {
        return allocate(bytes, () -> {});
    }

    /** As {@link #allocate(long)}; {@code after} runs when the storage is given back and must not see the buffer. */
    CpuBuffer allocate(long bytes, Runnable after) {
        long rounded = Memory.sizeClass(bytes);
        var block = take(rounded);
        // The cleaner is the safety net for buffers that nobody closes; it must not see the buffer itself.
        var lease = new Lease(this, block, rounded, after);
        var segment = block.asSlice(0, bytes);
        var holder = new Object[1];
        var buffer = new CpuBuffer(device, segment, () -> ((Cleaner.Cleanable) holder[0]).clean());
        holder[0] = CLEANER.register(buffer, lease);
        return buffer;
    }

    private record Lease(CpuMemory memory, MemorySegment block, long rounded, Runnable after) implements Runnable {
        @Override
        public void run() {
            memory.giveBack(block, rounded);
            after.run();
        }
    }

    private MemorySegment take(long bytes) {
        requireOpen();
        var block = reused(bytes);
        if (block == null && used.get() + bytes > collectAt) {
            collect(bytes);
            block = reused(bytes);
        }
        if (block == null) {
            block = create(bytes);
        }
        used.addAndGet(bytes);
        return block;
    }

    private @Nullable MemorySegment reused(long bytes) {
        var blocks = free(bytes);
        synchronized (blocks) {
            return blocks.pollFirst();
        }
    }

    private boolean isReusable(long bytes) {
        var blocks = free(bytes);
        synchronized (blocks) {
            return !blocks.isEmpty();
        }
    }

    /** One thread at a time; who waited for another need not look again. */
    private synchronized void collect(long wanted) {
        if (used.get() + wanted > collectAt) {
            Memory.collectUnreachable(() -> isReusable(wanted));
            collectAt = Math.max(leastCollected, 2 * (used.get() + wanted));
        }
    }

    @SuppressWarnings("restricted")
    private MemorySegment create(long bytes) {
        try {
            var owned = HugePages.ofProcess().allocate(arena, bytes);
            held.addAndGet(bytes);
            return MemorySegment.ofAddress(owned.address()).reinterpret(bytes);
        } catch (OutOfMemoryError e) {
            throw new DeviceMemoryException(
                    String.format(
                            Locale.ROOT,
                            "%s cannot allocate %,d bytes (%s): %,d bytes of memory are held by this process; use smaller batches",
                            device.name(),
                            bytes,
                            e.getMessage(),
                            held.get()),
                    e);
        }
    }

    private Deque<MemorySegment> free(long bytes) {
        return free.computeIfAbsent(bytes, _ -> new ArrayDeque<>());
    }

    private void giveBack(MemorySegment block, long bytes) {
        used.addAndGet(-bytes);
        var blocks = free(bytes);
        synchronized (blocks) {
            blocks.addFirst(block);
        }
    }

    /** Bytes held from the system, in use or not. */
    long heldBytes() {
        return held.get();
    }

    /** A buffer over the first {@code bytes} bytes of native memory that others own; it keeps {@code owner} reachable. */
    @SuppressWarnings("restricted")
    CpuBuffer share(MemorySegment owner, long bytes) {
        var segment = MemorySegment.ofAddress(owner.address()).reinterpret(bytes);
        return new CpuBuffer(device, segment, () -> Reference.reachabilityFence(owner));
    }

    @Override
    public Buffer view(Buffer slab, long offset, long bytes) {
        return new CpuBuffer(device, CpuBuffer.segment(slab).asSlice(offset, bytes), () -> {});
    }

    /**
     * Before anything is read, written or handed out: blocks are raw addresses, and behind those of a closed device there is nothing.
     *
     * @throws IllegalStateException if the device was closed
     */
    void requireOpen() {
        if (closed) {
            throw new IllegalStateException(
                    device.name() + " was closed, and its arrays and programs have ended with it;"
                            + " read results, or copy them to another device, before it is closed");
        }
    }

    @Override
    public <R> R whileOpen(Supplier<R> work) {
        ending.readLock().lock();
        try {
            requireOpen();
            return work.get();
        } finally {
            ending.readLock().unlock();
        }
    }

    @Override
    public void changing(Buffer buffer) {
        requireOpen();
        if (buffer instanceof CpuBuffer cpu) {
            cpu.keep(null);
        }
    }

    @Override
    public void copy(Buffer from, Buffer to) {
        MemorySegment.copy(CpuBuffer.segment(from), 0, CpuBuffer.segment(to), 0, from.byteSize());
    }

    @Override
    public void close() {
        ending.writeLock().lock();
        try {
            if (!closed) {
                closed = true;
                arena.close();
            }
        } finally {
            ending.writeLock().unlock();
        }
    }
}
