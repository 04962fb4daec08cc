package io.coda4j.tensor.spi;

import java.util.List;

/** A device that tells by its own clock how long its kernels take, which the host, that only enqueues them, cannot see. */
public interface KernelClock {
    /**
     * What was spent on one kernel, or on one kind of transfer.
     *
     * @param kernel its name, with what it was built for
     * @param calls how often it ran
     * @param nanos all its runs together, on the device
     */
    record Line(String kernel, long calls, long nanos) {}

    /** Runs {@code work} with the clock on; what the device did meanwhile, the most expensive first. */
    List<Line> measure(Runnable work);
}
