package io.coda4j.tensor.cpu;

import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * A parallel loop over a small pool of threads that spin briefly and then park; starting one allocates nothing.
 *
 * <p>Tasks are numbered pieces of work chosen by the kernel without regard to the number of threads, so results do not
 * depend on it. A loop inside a task, or while another thread uses the pool, runs on the calling thread alone.
 */
final class Parallel implements AutoCloseable {
    /** How long an idle worker watches for work before it parks: longer than the gap between two kernels of a step. */
    private static final long SPIN_NANOS = 30_000;

    /** One piece of a loop. */
    @FunctionalInterface
    interface Task {
        void run(int index);
    }

    private final int threads;
    private final Thread[] workers;
    private final ReentrantLock busy = new ReentrantLock();
    private volatile boolean closed;

    // The loop that runs. It is written before the first of its tasks can be taken and not before all of them are done,
    // so whoever has taken a task sees the loop that the task is of.
    private @Nullable Task task;
    private int tasks;

    /** Tasks of the loop that nobody has taken yet. */
    private final AtomicInteger waiting = new AtomicInteger();

    private final AtomicInteger done = new AtomicInteger();
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    /** A pool in which {@code threads} threads work, the calling one included. */
    Parallel(int threads) {
        this.threads = threads;
        this.workers = new Thread[threads - 1];
        for (int i = 0; i < workers.length; i++) {
            workers[i] =
                    Thread.ofPlatform().daemon().name("coda-cpu-" + (i + 1)).unstarted(this::serve);
            workers[i].start();
        }
    }

    int threads() {
        return threads;
    }

    /** Runs {@code task} for each index in {@code 0 .. tasks-1}, in any order, and waits for all. */
    void forEach(int tasks, Task task) {
        if (tasks <= 1 || workers.length == 0 || busy.isHeldByCurrentThread() || isWorker() || !busy.tryLock()) {
            for (int i = 0; i < tasks; i++) {
                task.run(i);
            }
            return;
        }
        try {
            this.task = task;
            this.tasks = tasks;
            done.set(0);
            waiting.set(tasks);
            for (var worker : workers) {
                LockSupport.unpark(worker);
            }
            work();
            while (done.get() < tasks) {
                Thread.onSpinWait();
            }
            this.task = null;
            rethrow(failure.getAndSet(null));
        } finally {
            busy.unlock();
        }
    }

    /** Runs tasks until all are taken. */
    private void work() {
        for (int left = waiting.get(); left > 0; left = waiting.get()) {
            if (waiting.compareAndSet(left, left - 1)) {
                try {
                    Objects.requireNonNull(task).run(tasks - left);
                } catch (Throwable e) {
                    failure.compareAndSet(null, e);
                } finally {
                    done.incrementAndGet();
                }
            }
        }
    }

    private boolean isWorker() {
        for (var worker : workers) {
            if (worker == Thread.currentThread()) {
                return true;
            }
        }
        return false;
    }

    private static void rethrow(@Nullable Throwable failure) {
        switch (failure) {
            case null -> {}
            case RuntimeException e -> throw e;
            case Error e -> throw e;
            default -> throw new IllegalStateException(failure);
        }
    }

    private void serve() {
        long idleSince = System.nanoTime();
        while (!closed) {
            if (waiting.get() > 0) {
                work();
                idleSince = System.nanoTime();
            } else if (System.nanoTime() - idleSince < SPIN_NANOS) {
                Thread.onSpinWait();
            } else {
                LockSupport.park(this);
                idleSince = System.nanoTime();
            }
        }
    }

    @Override
    public void close() {
        closed = true;
        for (var worker : workers) {
            LockSupport.unpark(worker);
        }
    }
}
