package io.coda4j.tensor.opencl;

import static org.jocl.CL.CL_PROFILING_COMMAND_END;
import static org.jocl.CL.CL_PROFILING_COMMAND_START;
import static org.jocl.CL.clGetEventProfilingInfo;
import static org.jocl.CL.clReleaseEvent;
import static org.jocl.CL.clRetainEvent;
import static org.jocl.CL.clWaitForEvents;

import io.coda4j.tensor.spi.KernelClock;
import java.util.ArrayDeque;
import java.util.Comparator;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_event;
import org.jspecify.annotations.Nullable;

/** The commands of a queue that was made for profiling, and how long each took on the device. */
final class ClTiming {
    /** Commands that may be in flight: their events are kept until they are over. */
    private static final int MOST_PENDING = 256;

    private record Pending(String what, cl_event event) {}

    private record Spent(long calls, long nanos) {
        Spent and(Spent other) {
            return new Spent(calls + other.calls, nanos + other.nanos);
        }
    }

    private final ClHandles handles;
    private final Deque<Pending> pending = new ArrayDeque<>();
    private final Map<String, Spent> spent = new HashMap<>();

    ClTiming(ClHandles handles) {
        this.handles = handles;
    }

    /** Enqueues a command with an event. */
    void add(String what, Consumer<@Nullable cl_event> command) {
        var event = new cl_event();
        command.accept(event);
        keep(what, event);
    }

    /** A command whose event somebody else releases, too. */
    void addShared(String what, cl_event event) {
        clRetainEvent(event);
        keep(what, event);
    }

    private void keep(String what, cl_event event) {
        pending.addLast(new Pending(what, handles.created(ClHandles.Kind.EVENT, event)));
        if (pending.size() > MOST_PENDING) {
            settleFirst();
        }
    }

    private void settleFirst() {
        var first = pending.removeFirst();
        try {
            clWaitForEvents(1, new cl_event[] {first.event});
            long nanos = time(first.event, CL_PROFILING_COMMAND_END) - time(first.event, CL_PROFILING_COMMAND_START);
            spent.merge(first.what, new Spent(1, nanos), Spent::and);
        } finally {
            clReleaseEvent(first.event);
            handles.released(ClHandles.Kind.EVENT);
        }
    }

    private static long time(cl_event event, int what) {
        var value = new long[1];
        clGetEventProfilingInfo(event, what, Sizeof.cl_ulong, Pointer.to(value), null);
        return value[0];
    }

    /** What all commands so far took, the most expensive first. */
    List<KernelClock.Line> lines() {
        while (!pending.isEmpty()) {
            settleFirst();
        }
        return spent.entrySet().stream()
                .map(entry -> new KernelClock.Line(entry.getKey(), entry.getValue().calls, entry.getValue().nanos))
                .sorted(Comparator.comparingLong(KernelClock.Line::nanos).reversed())
                .toList();
    }
}
