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

    /** What is computed for one row. */
    @FunctionalInterface
    interface Row {
        void run(MemorySegment[] in, MemorySegment[] out, long row);
    }

    /** Elements of one task of {@link #rows}, about. */
    private static final int ROWS_TASK = 16_384;

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

    /** Some of {@code rows} rows of {@code n} elements are a task. */
    static Launch rows(Parallel parallel, long rows, int n, Row each) {
        long perTask = Math.max(1, ROWS_TASK / Math.max(1, n));
        return of(parallel, Math.ceilDiv(rows, perTask), (in, out, task) -> {
            for (long row = task * perTask; row < Math.min(rows, (task + 1) * perTask); row++) {
                each.run(in, out, row);
            }
        });
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
