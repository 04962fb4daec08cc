package io.coda4j.tensor.cpu;

import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.spi.Buffer;
import java.lang.foreign.MemorySegment;

/**
 * A kernel whose tasks are prepared when it is bound: how the work is split and what a task does are known then, and a
 * run only says where the operands lie. So a run allocates nothing.
 */
final class Launch implements Kernel, Parallel.Task {
    /** What one task computes, from operands and to results in the order of the primitive's rule. */
    @FunctionalInterface
    interface Body {
        void run(MemorySegment[] in, MemorySegment[] out, int task);
    }

    private final Parallel parallel;
    private final int tasks;
    private final Body body;
    private MemorySegment[] in = {};
    private MemorySegment[] out = {};

    private Launch(Parallel parallel, int tasks, Body body) {
        this.parallel = parallel;
        this.tasks = tasks;
        this.body = body;
    }

    /** The tasks {@code 0 .. tasks-1}, in any order; {@code body} holds nothing that changes between runs. */
    static Launch of(Parallel parallel, long tasks, Body body) {
        return new Launch(parallel, Math.toIntExact(tasks), body);
    }

    @Override
    public void run(Buffer[] from, Buffer[] to) {
        in = segments(from, in);
        out = segments(to, out);
        parallel.forEach(tasks, this);
    }

    @Override
    public void run(int task) {
        body.run(in, out, task);
    }

    private static MemorySegment[] segments(Buffer[] buffers, MemorySegment[] before) {
        var segments = before.length == buffers.length ? before : new MemorySegment[buffers.length];
        for (int i = 0; i < segments.length; i++) {
            segments[i] = CpuBuffer.segment(buffers[i]);
        }
        return segments;
    }
}
