package io.coda4j.bench.peers;

import com.sun.management.ThreadMXBean;
import io.coda4j.tensor.cpu.CpuDevice;
import java.lang.management.ManagementFactory;

/**
 * Prints what one run of a piece of work allocates on the Java heap in a process where no other kernel ran. Until its kernels are
 * compiled they allocate vectors, so it runs until one run stays below the bound.
 */
final class WorkAllocation {
    private static final long PATIENCE = 60_000_000_000L;

    /** What is allowed, in bytes: far less than one object for each vector of the smallest work, and more than a dispatch. */
    static final long BOUND = 1 << 18;

    private WorkAllocation() {}

    /** Arguments: kind and name of the work. */
    public static void main(String[] args) {
        var work = Work.of(args[0], Material.NONE).stream()
                .filter(candidate -> candidate.name().equals(args[1]))
                .findFirst()
                .orElseThrow();
        try (var device = CpuDevice.withThreads(1);
                var task = new CodaEngine(device).prepare(work)) {
            System.out.println(least(task));
        }
    }

    private static long least(Engine.Task task) {
        var threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long least = Long.MAX_VALUE;
        for (long end = System.nanoTime() + PATIENCE; least > BOUND && System.nanoTime() < end; ) {
            long before = threads.getTotalThreadAllocatedBytes();
            task.run();
            least = Math.min(least, threads.getTotalThreadAllocatedBytes() - before);
        }
        return least;
    }
}
