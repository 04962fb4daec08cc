package io.coda4j.tpu.pjrt;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/**
 * The end of a run on several devices. A buffer knows only whether its own device has failed, so a value that is read from
 * one of them would hide what happened to the others.
 */
final class PjrtEnd {
    private final CompletableFuture<Void> all;

    /** The end of what {@code devices} do; their events are destroyed when they have happened. */
    PjrtEnd(List<PjrtEvent> devices) {
        var futures = devices.stream().map(PjrtEvent::future).toList();
        all = CompletableFuture.allOf(futures.toArray(CompletableFuture<?>[]::new));
        // Others may wait for a device that has failed without end.
        futures.forEach(future -> future.whenComplete((_, failure) -> {
            if (failure != null) {
                all.completeExceptionally(failure);
            }
        }));
    }

    /**
     * Blocks until all devices have finished, or one has failed.
     *
     * @throws PjrtException if one has failed
     */
    void await() {
        try {
            all.join();
        } catch (CompletionException e) {
            throw e.getCause() instanceof PjrtException cause ? cause : e;
        }
    }
}
