package io.coda4j.tensor.opencl;

import static org.jocl.CL.CL_MEM_READ_WRITE;
import static org.jocl.CL.clCreateBuffer;
import static org.jocl.CL.clReleaseMemObject;

import io.coda4j.tensor.DeviceMemoryException;
import io.coda4j.tensor.exec.Memory;
import io.coda4j.tensor.spi.Buffer;
import java.lang.ref.Cleaner;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.jocl.CLException;
import org.jocl.cl_context;
import org.jocl.cl_mem;
import org.jspecify.annotations.Nullable;

/**
 * A pool of memory objects in size classes. Blocks of closed buffers are reused; they go back to the driver when it has
 * no memory for a new one, and at the end.
 */
final class ClMemory implements Memory, AutoCloseable {
    private static final Cleaner CLEANER = Cleaner.create();

    private final ClDevice device;
    private final cl_context context;
    private final ClHandles handles;
    private final long limit;
    private final Map<Long, Deque<cl_mem>> free = new HashMap<>();
    private final Map<cl_mem, Long> blocks = new HashMap<>();
    private long heldBytes;

    /**
     * An empty pool.
     *
     * @param limit bytes that it may hold. Drivers promise more than they have and fail when a kernel first writes there,
     *     too late to say for what the memory was
     */
    ClMemory(ClDevice device, cl_context context, ClHandles handles, long limit) {
        this.device = device;
        this.context = context;
        this.handles = handles;
        this.limit = limit;
    }

    @Override
    public ClBuffer allocate(long bytes) {
        long rounded = Memory.sizeClass(bytes);
        var block = takeOrCollect(rounded, bytes);
        // The cleaner is the safety net for buffers that nobody closes; it must not see the buffer itself.
        var lease = new Lease(this, block, rounded);
        var holder = new Object[1];
        var buffer = new ClBuffer(device, block, 0, bytes, () -> ((Cleaner.Cleanable) holder[0]).clean());
        holder[0] = CLEANER.register(buffer, lease);
        return buffer;
    }

    private record Lease(ClMemory memory, cl_mem block, long rounded) implements Runnable {
        @Override
        public void run() {
            memory.giveBack(block, rounded);
        }
    }

    /** Before it fails, it has buffers found that nobody closed. */
    private cl_mem takeOrCollect(long rounded, long bytes) {
        try {
            return take(rounded, bytes);
        } catch (DeviceMemoryException _) {
            Memory.collectUnreachable(() -> false);
            return take(rounded, bytes);
        }
    }

    private synchronized cl_mem take(long rounded, long bytes) {
        device.queue().checkOpen();
        var block = free.computeIfAbsent(rounded, _ -> new ArrayDeque<>()).pollFirst();
        return block != null ? block : create(rounded, bytes);
    }

    private cl_mem create(long rounded, long bytes) {
        if (fits(rounded)) {
            try {
                return add(rounded);
            } catch (CLException _) {
                // Perhaps there is enough once unused blocks are given back.
            }
        }
        // Kernels in flight may still use what is given back now: the driver frees it after them.
        releaseFree();
        device.queue().finish();
        if (!fits(rounded)) {
            throw outOfMemory(bytes, "more than is left", null);
        }
        try {
            return add(rounded);
        } catch (CLException e) {
            throw outOfMemory(bytes, ClErrors.name(e), e);
        }
    }

    private boolean fits(long rounded) {
        return rounded <= limit - heldBytes;
    }

    private DeviceMemoryException outOfMemory(long bytes, String why, @Nullable CLException cause) {
        return new DeviceMemoryException(
                "%s cannot allocate %,d bytes (%s): it has %,d bytes of memory, %,d of them held by this process, and a buffer may have %,d; use smaller batches or another device"
                        .formatted(
                                device.name(),
                                bytes,
                                why,
                                limit,
                                heldBytes,
                                device.info().largestBuffer()),
                cause);
    }

    private cl_mem add(long rounded) {
        var block =
                handles.created(ClHandles.Kind.BUFFER, clCreateBuffer(context, CL_MEM_READ_WRITE, rounded, null, null));
        blocks.put(block, rounded);
        heldBytes += rounded;
        return block;
    }

    private void releaseFree() {
        for (var list : free.values()) {
            list.forEach(this::release);
            list.clear();
        }
    }

    private void release(cl_mem block) {
        heldBytes -= Objects.requireNonNull(blocks.remove(block), "released twice");
        clReleaseMemObject(block);
        handles.released(ClHandles.Kind.BUFFER);
    }

    private synchronized void giveBack(cl_mem block, long rounded) {
        // After the end there is nothing to give back to.
        if (blocks.containsKey(block)) {
            free.computeIfAbsent(rounded, _ -> new ArrayDeque<>()).addFirst(block);
        }
    }

    /** Bytes held from the driver, in use or not. */
    synchronized long heldBytes() {
        return heldBytes;
    }

    @Override
    public Buffer view(Buffer slab, long offset, long bytes) {
        var whole = ClBuffer.of(slab);
        return new ClBuffer(device, whole.memory(), whole.offset() + offset, bytes, () -> {});
    }

    @Override
    public void copy(Buffer from, Buffer to) {
        device.queue().copy(ClBuffer.of(from), ClBuffer.of(to));
    }

    @Override
    public synchronized void close() {
        for (var block : blocks.keySet().toArray(cl_mem[]::new)) {
            release(block);
        }
        free.clear();
    }
}
