package io.coda4j.tpu.pjrt;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.Set;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Supplier;

/**
 * What a client, or the plugin itself, has to destroy in the end: all calls on its objects go through here, so that none
 * of them runs on an object that is being destroyed.
 */
final class PjrtOwner implements AutoCloseable {
    private final String name;
    private final PjrtApi api;
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private final Set<PjrtHandle> live =
            Collections.synchronizedSet(Collections.newSetFromMap(new IdentityHashMap<>()));
    private boolean closed;

    /** {@code name} is that of the client or plugin, for messages. */
    PjrtOwner(String name, PjrtApi api) {
        this.name = name;
        this.api = api;
    }

    String name() {
        return name;
    }

    PjrtApi api() {
        return api;
    }

    /**
     * A call of a function on objects of this owner, which cannot be closed before the call is.
     *
     * @throws IllegalStateException if it was closed
     */
    PjrtCall call(String function) {
        if (!enter()) {
            throw new IllegalStateException(name + " was closed; nothing of it can be used any more");
        }
        return new PjrtCall(api, function, lock.readLock()::unlock);
    }

    /** As {@link #call(String)}, of an object whose {@code address} stands in {@code field}. */
    PjrtCall call(String function, String field, Supplier<MemorySegment> address) {
        var call = call(function);
        try {
            call.put(field, address.get());
            return call;
        } catch (RuntimeException e) {
            call.close();
            throw e;
        }
    }

    private boolean enter() {
        lock.readLock().lock();
        if (closed) {
            lock.readLock().unlock();
            return false;
        }
        return true;
    }

    /** A new object, which is destroyed by its handle or when this owner is closed. */
    PjrtHandle own(PjrtHandle.Kind kind, MemorySegment address) {
        var handle = new PjrtHandle(this, kind, address);
        live.add(handle);
        return handle;
    }

    void release(PjrtHandle handle) {
        // A closed owner has destroyed it, or is about to.
        if (enter()) {
            try {
                if (live.remove(handle)) {
                    handle.destroy(api, "it was closed");
                }
            } finally {
                lock.readLock().unlock();
            }
        }
    }

    /** Objects of one kind that were not destroyed. */
    long live(PjrtHandle.Kind kind) {
        synchronized (live) {
            return live.stream().filter(handle -> handle.kind() == kind).count();
        }
    }

    /** Waits for calls that are running, then destroys all objects, the client after those that belong to it. */
    @Override
    public void close() {
        lock.writeLock().lock();
        boolean before = closed;
        closed = true;
        lock.writeLock().unlock();
        // Not under the lock: a plugin may wait here for callbacks, which ask for it.
        if (!before) {
            var handles = new ArrayList<>(live);
            handles.sort(Comparator.comparing(PjrtHandle::kind).reversed());
            handles.forEach(handle -> handle.destroy(api, name + " was closed"));
            live.clear();
        }
    }
}
