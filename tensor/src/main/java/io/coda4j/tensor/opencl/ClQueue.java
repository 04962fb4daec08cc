package io.coda4j.tensor.opencl;

import static org.jocl.CL.CL_COMPLETE;
import static org.jocl.CL.CL_EVENT_COMMAND_EXECUTION_STATUS;
import static org.jocl.CL.CL_QUEUE_PROFILING_ENABLE;
import static org.jocl.CL.clCreateCommandQueue;
import static org.jocl.CL.clEnqueueCopyBuffer;
import static org.jocl.CL.clEnqueueFillBuffer;
import static org.jocl.CL.clEnqueueNDRangeKernel;
import static org.jocl.CL.clEnqueueReadBuffer;
import static org.jocl.CL.clEnqueueWriteBuffer;
import static org.jocl.CL.clFinish;
import static org.jocl.CL.clFlush;
import static org.jocl.CL.clGetEventInfo;
import static org.jocl.CL.clReleaseCommandQueue;
import static org.jocl.CL.clReleaseEvent;
import static org.jocl.CL.clSetKernelArg;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.spi.KernelClock;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jocl.CLException;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_command_queue;
import org.jocl.cl_context;
import org.jocl.cl_device_id;
import org.jocl.cl_event;
import org.jocl.cl_kernel;
import org.jspecify.annotations.Nullable;

/** The one queue of a device: commands run in the order of these calls, and only {@link #read} waits for them. */
final class ClQueue implements AutoCloseable {
    /** More is copied from the caller's memory directly, which waits for the queue but needs no second copy. */
    private static final long LARGEST_STAGED = 16 << 20;

    /** What one transfer may move: a Java buffer holds no more than 2 GiB. */
    private static final long LARGEST_TRANSFER = 1L << 30;

    /** Launches after which the driver is told to begin, if nothing else told it. */
    private static final int LAUNCHES_PER_FLUSH = 16;

    /** Host memory that a transfer still reads. */
    private record Staged(Arena arena, cl_event transferred) {}

    /** One thing to release, which fails with unchecked exceptions alone. */
    private interface Release extends AutoCloseable {
        @Override
        void close();
    }

    private final String device;
    private final ClHandles handles;
    private final cl_context context;
    private final cl_device_id id;
    private final Deque<Staged> staged = new ArrayDeque<>();
    private volatile cl_command_queue queue;
    private @Nullable ClTiming timing;
    private int launches;
    private volatile boolean closed;

    ClQueue(String device, cl_context context, cl_device_id id, long properties, ClHandles handles) {
        this.device = device;
        this.context = context;
        this.id = id;
        this.handles = handles;
        this.queue = create(properties);
    }

    // The newer call needs OpenCL 2.0, and there are drivers without it.
    @SuppressWarnings("deprecation")
    private cl_command_queue create(long properties) {
        return handles.created(ClHandles.Kind.QUEUE, clCreateCommandQueue(context, id, properties, null));
    }

    /**
     * Checks that commands can still be given: drivers crash on objects that were released.
     *
     * @throws IllegalStateException if the device was closed
     */
    void checkOpen() {
        if (closed) {
            throw new IllegalStateException(device + " was closed; nothing of it can be used any more");
        }
    }

    private void release(cl_command_queue released) {
        clReleaseCommandQueue(released);
        handles.released(ClHandles.Kind.QUEUE);
    }

    /** See {@link io.coda4j.tensor.spi.KernelClock}: runs {@code work} on a queue whose commands are timed. */
    List<KernelClock.Line> measure(Runnable work) {
        var plain = startTiming();
        List<KernelClock.Line> lines;
        try {
            work.run();
        } finally {
            // Also where work failed: the queue must be the plain one again, and no event may be left.
            lines = stopTiming(plain);
        }
        return lines;
    }

    private synchronized cl_command_queue startTiming() {
        checkOpen();
        if (timing != null) {
            throw new IllegalStateException(device + " is being measured already");
        }
        finish();
        var plain = queue;
        queue = create(CL_QUEUE_PROFILING_ENABLE);
        timing = new ClTiming(handles);
        return plain;
    }

    private synchronized List<KernelClock.Line> stopTiming(cl_command_queue plain) {
        var done = Objects.requireNonNull(timing, "it was started");
        timing = null;
        var timed = queue;
        queue = plain;
        try {
            return done.lines();
        } finally {
            release(timed);
        }
    }

    /** Runs a command, which is timed where timing is on. */
    private void enqueue(String what, Consumer<@Nullable cl_event> command) {
        if (timing == null) {
            command.accept(null);
        } else {
            timing.add(what, command);
        }
    }

    /**
     * Runs {@code kernel} on a grid of items.
     *
     * @param global items along each axis; nothing runs if one is 0
     * @param local items of a group along each axis, divisors of {@code global}
     * @param args buffers (each two parameters of the kernel: memory and offset in bytes), numbers, and arrays for
     *     vector parameters
     */
    synchronized void launch(String name, cl_kernel kernel, long[] global, long[] local, Object... args) {
        checkOpen();
        for (long items : global) {
            if (items == 0) {
                return;
            }
        }
        try {
            int next = 0;
            for (var arg : args) {
                next = set(kernel, next, arg);
            }
            enqueue(
                    name,
                    event -> clEnqueueNDRangeKernel(queue, kernel, global.length, null, global, local, 0, null, event));
            if (++launches % LAUNCHES_PER_FLUSH == 0) {
                clFlush(queue);
            }
        } catch (CLException e) {
            throw ClErrors.failure(device, "kernel " + name, e);
        }
    }

    private static int set(cl_kernel kernel, int at, Object arg) {
        switch (arg) {
            case ClBuffer buffer -> {
                clSetKernelArg(kernel, at, Sizeof.cl_mem, Pointer.to(buffer.memory()));
                clSetKernelArg(kernel, at + 1, Sizeof.cl_long, Pointer.to(new long[] {buffer.offset()}));
                return at + 2;
            }
            case Integer value -> clSetKernelArg(kernel, at, Sizeof.cl_int, Pointer.to(new int[] {value}));
            case Long value -> clSetKernelArg(kernel, at, Sizeof.cl_long, Pointer.to(new long[] {value}));
            case Float value -> clSetKernelArg(kernel, at, Sizeof.cl_float, Pointer.to(new float[] {value}));
            case Double value -> clSetKernelArg(kernel, at, Sizeof.cl_double, Pointer.to(new double[] {value}));
            case int[] vector -> clSetKernelArg(kernel, at, 4L * vector.length, Pointer.to(vector));
            case long[] vector -> clSetKernelArg(kernel, at, 8L * vector.length, Pointer.to(vector));
            default -> throw new IllegalArgumentException("no kernel parameter is a " + arg.getClass());
        }
        return at + 1;
    }

    /** Copies a value to host memory, after everything enqueued so far. */
    synchronized void read(ClBuffer from, MemorySegment to) {
        checkOpen();
        try {
            for (long next = 0; next < from.byteSize(); next += LARGEST_TRANSFER) {
                long at = next;
                long bytes = Math.min(LARGEST_TRANSFER, from.byteSize() - at);
                enqueue(
                        "read",
                        event -> clEnqueueReadBuffer(
                                queue,
                                from.memory(),
                                true,
                                from.offset() + at,
                                bytes,
                                pointer(to, at, bytes),
                                0,
                                null,
                                event));
            }
            releaseStaged();
        } catch (CLException e) {
            throw ClErrors.failure(device, "reading " + from.byteSize() + " bytes", e);
        }
    }

    /** Copies a value from host memory, which the caller may change afterwards. */
    synchronized void write(MemorySegment from, ClBuffer to) {
        checkOpen();
        try {
            releaseStaged();
            if (to.byteSize() == 0) {
                return;
            }
            if (to.byteSize() <= LARGEST_STAGED) {
                writeStaged(from, to);
                return;
            }
            for (long next = 0; next < to.byteSize(); next += LARGEST_TRANSFER) {
                long at = next;
                long bytes = Math.min(LARGEST_TRANSFER, to.byteSize() - at);
                enqueue(
                        "write",
                        event -> clEnqueueWriteBuffer(
                                queue,
                                to.memory(),
                                true,
                                to.offset() + at,
                                bytes,
                                pointer(from, at, bytes),
                                0,
                                null,
                                event));
            }
        } catch (CLException e) {
            throw ClErrors.failure(device, "writing " + to.byteSize() + " bytes", e);
        }
    }

    /** The copy is closed when the transfer is over, see {@link #releaseFirstStaged}. */
    @SuppressWarnings("MustBeClosed")
    private void writeStaged(MemorySegment from, ClBuffer to) {
        var arena = Arena.ofShared();
        var copy = arena.allocate(to.byteSize(), 64).copyFrom(from.asSlice(0, to.byteSize()));
        var event = new cl_event();
        clEnqueueWriteBuffer(
                queue, to.memory(), false, to.offset(), to.byteSize(), pointer(copy, 0, to.byteSize()), 0, null, event);
        staged.addLast(new Staged(arena, handles.created(ClHandles.Kind.EVENT, event)));
        if (timing != null) {
            timing.addShared("write", event);
        }
    }

    private void releaseStaged() {
        while (!staged.isEmpty() && isComplete(staged.getFirst().transferred)) {
            releaseFirstStaged();
        }
    }

    private void releaseFirstStaged() {
        var done = staged.removeFirst();
        try (done.arena) {
            clReleaseEvent(done.transferred);
            handles.released(ClHandles.Kind.EVENT);
        }
    }

    private static boolean isComplete(cl_event event) {
        var status = new int[1];
        clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, Sizeof.cl_int, Pointer.to(status), null);
        // A failed command is negative and is over, too.
        return status[0] <= CL_COMPLETE;
    }

    private static Pointer pointer(MemorySegment host, long at, long bytes) {
        return Pointer.to(host.asSlice(at, bytes).asByteBuffer());
    }

    /** Copies the bytes of {@code from} to {@code to}; nothing if they are the same storage. */
    synchronized void copy(ClBuffer from, ClBuffer to) {
        checkOpen();
        if (from.byteSize() == 0 || from.isSameStorage(to)) {
            return;
        }
        try {
            enqueue(
                    "copy",
                    event -> clEnqueueCopyBuffer(
                            queue,
                            from.memory(),
                            to.memory(),
                            from.offset(),
                            to.offset(),
                            from.byteSize(),
                            0,
                            null,
                            event));
        } catch (CLException e) {
            throw ClErrors.failure(device, "copying " + from.byteSize() + " bytes", e);
        }
    }

    /** Repeats {@code pattern}, of 1, 2, 4 or 8 bytes, all over {@code to}. */
    synchronized void fill(byte[] pattern, ClBuffer to) {
        checkOpen();
        if (to.byteSize() == 0) {
            return;
        }
        try {
            enqueue(
                    "fill",
                    event -> clEnqueueFillBuffer(
                            queue,
                            to.memory(),
                            Pointer.to(pattern),
                            pattern.length,
                            to.offset(),
                            to.byteSize(),
                            0,
                            null,
                            event));
        } catch (CLException e) {
            throw ClErrors.failure(device, "filling " + to.byteSize() + " bytes", e);
        }
    }

    /** Waits until everything enqueued so far is done. Nobody closes the queue meanwhile. */
    synchronized void finish() {
        checkOpen();
        try {
            clFinish(queue);
        } catch (CLException e) {
            throw new DeviceException(device + ": a kernel failed with " + ClErrors.name(e), e);
        }
    }

    @Override
    public synchronized void close() {
        // What failed on the device is reported after everything was released.
        try (Release _ = () -> release(queue);
                Release _ = this::releaseAllStaged) {
            try {
                finish();
            } finally {
                closed = true;
            }
        }
    }

    private void releaseAllStaged() {
        RuntimeException first = null;
        while (!staged.isEmpty()) {
            try {
                releaseFirstStaged();
            } catch (RuntimeException e) {
                if (first == null) {
                    first = e;
                } else {
                    first.addSuppressed(e);
                }
            }
        }
        if (first != null) {
            throw first;
        }
    }
}
