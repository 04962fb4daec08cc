package io.coda4j.tpu.pjrt;

import static java.lang.foreign.ValueLayout.ADDRESS;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/** Something that a plugin does while the host goes on: a transfer, or the run of a program. */
@SuppressWarnings("restricted")
final class PjrtEvent implements AutoCloseable {
    /** What waits for a callback, by the number that the plugin was given as the callback's argument. */
    private static final Map<Long, Waiting> WAITING = new ConcurrentHashMap<>();

    private static final AtomicLong NUMBERS = new AtomicLong();
    private static final MemorySegment CALLBACK = callback();

    private record Waiting(PjrtEvent event, CompletableFuture<Void> future) {}

    private final PjrtOwner owner;
    private final PjrtHandle handle;
    private final String what;

    /** {@code what} happens, for messages. */
    PjrtEvent(PjrtOwner owner, MemorySegment address, String what) {
        this.owner = owner;
        this.handle = owner.own(PjrtHandle.Kind.EVENT, address);
        this.what = what;
    }

    private static MemorySegment callback() {
        try {
            MethodHandle ready = MethodHandles.lookup()
                    .findStatic(
                            PjrtEvent.class,
                            "ready",
                            MethodType.methodType(void.class, MemorySegment.class, MemorySegment.class));
            return Linker.nativeLinker().upcallStub(ready, FunctionDescriptor.ofVoid(ADDRESS, ADDRESS), Arena.global());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Whether it has happened, or failed. */
    boolean isReady() {
        try (var call = owner.call("Event_IsReady")) {
            call.put("event", handle.address());
            return call.invoke().flag("is_ready");
        }
    }

    /**
     * Blocks this thread until it has happened.
     *
     * @throws PjrtException if it failed
     */
    void await() {
        try (var call = owner.call("Event_Await")) {
            call.put("event", handle.address());
            call.invoke();
        }
    }

    /**
     * Completes when it has happened, or with a {@link PjrtException}, and blocks no thread meanwhile. The event is then
     * destroyed. What depends on the result runs on no thread of the plugin.
     */
    CompletableFuture<Void> future() {
        var future = new CompletableFuture<Void>();
        long number = NUMBERS.incrementAndGet();
        WAITING.put(number, new Waiting(this, future));
        try (var call = owner.call("Event_OnReady")) {
            call.put("event", handle.address())
                    .put("callback", CALLBACK)
                    .put("user_arg", MemorySegment.ofAddress(number));
            call.invoke();
        } catch (RuntimeException e) {
            WAITING.remove(number);
            throw e;
        }
        return future;
    }

    /** Called by plugins, on threads of their own; nothing may be thrown into them. */
    private static void ready(MemorySegment error, MemorySegment number) {
        try {
            var waiting = Objects.requireNonNull(WAITING.remove(number.address()), "an event became ready twice");
            var failure =
                    error.address() == 0 ? null : waiting.event.owner.api().exception(waiting.event.what, error);
            CompletableFuture.runAsync(() -> waiting.event.complete(waiting.future, failure));
        } catch (Throwable e) {
            // There is nobody to tell: the process would end if this went on into the plugin.
            System.getLogger(PjrtEvent.class.getName()).log(System.Logger.Level.ERROR, "callback of a PJRT plugin", e);
        }
    }

    private void complete(CompletableFuture<Void> future, @Nullable PjrtException failure) {
        close();
        if (failure == null) {
            future.complete(null);
        } else {
            future.completeExceptionally(failure);
        }
    }

    /** Destroys the event; what it stands for goes on. */
    @Override
    public void close() {
        handle.close();
    }
}
