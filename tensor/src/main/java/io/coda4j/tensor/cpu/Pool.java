package io.coda4j.tensor.cpu;

import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Workspaces that no task uses at the moment; as many are made as tasks ever ran at once. A thread finds the one that it
 * gave back last, unless another took it.
 */
final class Pool<T> {
    /** Workspaces that are kept, a power of two; those of more threads at once are left to the garbage collector. */
    private static final int PLACES = 64;

    private final AtomicReferenceArray<@Nullable T> idle = new AtomicReferenceArray<>(PLACES);
    private final Supplier<T> maker;

    Pool(Supplier<T> maker) {
        this.maker = maker;
    }

    private static int place(int number) {
        return (int) (Thread.currentThread().threadId() + number) & (PLACES - 1);
    }

    T borrow() {
        for (int i = 0; i < PLACES; i++) {
            int place = place(i);
            var workspace = idle.get(place);
            if (workspace != null && idle.compareAndSet(place, workspace, null)) {
                return workspace;
            }
        }
        return maker.get();
    }

    void giveBack(T workspace) {
        for (int i = 0; i < PLACES; i++) {
            if (idle.compareAndSet(place(i), null, workspace)) {
                return;
            }
        }
    }
}
