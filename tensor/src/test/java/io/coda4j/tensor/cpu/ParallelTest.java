package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ParallelTest {
    /** Longer than workers watch for work. */
    private static final long UNTIL_THEY_PARK_MILLIS = 5;

    private static final long PATIENCE_SECONDS = 20;

    /** Loops of all lengths, one right behind the other, so that workers meet the next loop while they leave the last. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5})
    void eachTaskRunsOnceAndItsWritesAreSeen(int threads) {
        try (var parallel = new Parallel(threads)) {
            for (int round = 0; round < 3000; round++) {
                int tasks = round % 17;
                // Not volatile: the end of the loop is what makes the writes visible.
                int[] written = new int[tasks];
                var runs = new AtomicIntegerArray(tasks);
                int mark = round;
                parallel.forEach(tasks, task -> {
                    runs.incrementAndGet(task);
                    written[task] = mark + task;
                });
                for (int task = 0; task < tasks; task++) {
                    assertEquals(1, runs.get(task), "runs of task " + task + " of " + tasks);
                    assertEquals(mark + task, written[task]);
                }
            }
        }
    }

    /** Tasks that wait for each other need a thread each. */
    @ParameterizedTest
    @ValueSource(ints = {2, 3, 4})
    void parkedWorkersWakeUpAndAllThreadsWorkAtOnce(int threads) throws InterruptedException {
        try (var parallel = new Parallel(threads)) {
            for (int round = 0; round < 5; round++) {
                Thread.sleep(UNTIL_THEY_PARK_MILLIS);
                var met = new CountDownLatch(threads);
                var alone = new AtomicInteger();
                parallel.forEach(threads, _ -> {
                    met.countDown();
                    if (!await(met)) {
                        alone.incrementAndGet();
                    }
                });
                assertEquals(0, alone.get(), "tasks that met nobody");
            }
        }
    }

    private static boolean await(CountDownLatch latch) {
        try {
            return latch.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void aFailureReachesTheCallerAfterAllOtherTasks(int threads) {
        try (var parallel = new Parallel(threads)) {
            for (int failing = 0; failing < 8; failing++) {
                int number = failing;
                var expected = new IllegalArgumentException("task " + number);
                var others = new AtomicInteger();
                var thrown = assertThrows(
                        IllegalArgumentException.class,
                        () -> parallel.forEach(8, task -> {
                            if (task == number) {
                                throw expected;
                            }
                            others.incrementAndGet();
                        }));
                assertSame(expected, thrown);
                assertEquals(7, others.get());
            }
            assertThrows(
                    AssertionError.class,
                    () -> parallel.forEach(3, _ -> {
                        throw new AssertionError("an error, too");
                    }));
            var runs = new AtomicInteger();
            parallel.forEach(5, _ -> runs.incrementAndGet());
            assertEquals(5, runs.get(), "tasks of a loop after failures");
        }
    }

    @Test
    void aLoopInsideATaskRunsOnTheThreadOfTheTask() {
        try (var parallel = new Parallel(3)) {
            var inner = new AtomicInteger();
            var strangers = new AtomicInteger();
            parallel.forEach(6, _ -> {
                var own = Thread.currentThread();
                parallel.forEach(4, _ -> {
                    inner.incrementAndGet();
                    strangers.addAndGet(Thread.currentThread() == own ? 0 : 1);
                });
            });
            assertEquals(24, inner.get());
            assertEquals(0, strangers.get(), "tasks on other threads");
        }
    }

    /** Whoever comes second does not wait for the pool, and gets its own tasks done. */
    @Test
    void aSecondCallerWorksAlone() throws InterruptedException, ExecutionException {
        try (var parallel = new Parallel(2)) {
            var begun = new CountDownLatch(1);
            var end = new CountDownLatch(1);
            var first = new FutureTask<>(
                    () -> parallel.forEach(2, _ -> {
                        begun.countDown();
                        await(end);
                    }),
                    null);
            new Thread(first, "first caller").start();
            assertTrue(await(begun));
            var own = Thread.currentThread();
            var runs = new AtomicInteger();
            var strangers = new AtomicInteger();
            parallel.forEach(10, _ -> {
                runs.incrementAndGet();
                strangers.addAndGet(Thread.currentThread() == own ? 0 : 1);
            });
            assertEquals(10, runs.get());
            assertEquals(0, strangers.get(), "tasks on other threads");
            end.countDown();
            first.get();
        }
    }

    @Test
    void workersEndWithThePool() throws InterruptedException {
        var before = threads();
        var parallel = new Parallel(4);
        var workers = threads();
        workers.removeAll(before);
        assertEquals(3, workers.size(), workers::toString);
        parallel.forEach(8, _ -> {});
        Thread.sleep(UNTIL_THEY_PARK_MILLIS);
        parallel.close();
        for (var worker : workers) {
            worker.join(TimeUnit.SECONDS.toMillis(PATIENCE_SECONDS));
            assertFalse(worker.isAlive(), worker.getName());
        }
    }

    private static Set<Thread> threads() {
        var threads = new HashSet<>(Thread.getAllStackTraces().keySet());
        threads.removeIf(thread -> !thread.getName().startsWith("coda-cpu-"));
        return threads;
    }
}
