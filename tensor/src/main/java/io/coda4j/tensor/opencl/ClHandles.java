package io.coda4j.tensor.opencl;

import java.util.concurrent.atomic.AtomicLongArray;

/** How many objects of the OpenCL driver this device holds, so that tests can see that none is forgotten. */
class ClHandles {
    /** What must be released by hand. */
    enum Kind {
        CONTEXT,
        QUEUE,
        BUFFER,
        PROGRAM,
        KERNEL,
        EVENT
    }

    private final AtomicLongArray live = new AtomicLongArray(Kind.values().length);
    private final AtomicLongArray ever = new AtomicLongArray(Kind.values().length);

    /** Counts a new object, which it returns. */
    <T> T created(Kind kind, T handle) {
        live.incrementAndGet(kind.ordinal());
        ever.incrementAndGet(kind.ordinal());
        return handle;
    }

    /** Counts the release of an object. */
    void released(Kind kind) {
        live.decrementAndGet(kind.ordinal());
    }

    /** Objects of one kind that were not released. */
    long live(Kind kind) {
        return live.get(kind.ordinal());
    }

    /** Objects of one kind that were made, released or not. */
    long ever(Kind kind) {
        return ever.get(kind.ordinal());
    }

    /** All objects that were not released. */
    long live() {
        long sum = 0;
        for (var kind : Kind.values()) {
            sum += live(kind);
        }
        return sum;
    }
}
