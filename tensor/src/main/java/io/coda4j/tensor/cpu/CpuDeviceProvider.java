package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.DeviceProvider;
import java.util.Optional;

/** Finds the CPU, which is always there: {@code cpu}, {@code cpu:THREADS} or {@code cpu:reference}. */
public final class CpuDeviceProvider implements DeviceProvider {
    /** More threads than any machine has processors: each takes memory, and a system has only so many. */
    private static final int MOST_THREADS = 4096;

    /** Called by {@link java.util.ServiceLoader}. */
    public CpuDeviceProvider() {}

    @Override
    public String kind() {
        return "cpu";
    }

    @Override
    public Optional<String> unusableBecause() {
        return Optional.empty();
    }

    @Override
    public Device open(String selector) {
        return switch (selector) {
            case "" -> CpuDevice.allThreads();
            case "reference" -> CpuDevice.reference();
            default -> CpuDevice.withThreads(threads(selector));
        };
    }

    private static int threads(String selector) {
        try {
            int threads = Integer.parseInt(selector);
            if (threads >= 1 && threads <= MOST_THREADS) {
                return threads;
            }
        } catch (NumberFormatException _) {
            // The message below covers both cases.
        }
        throw new DeviceException("device cpu:" + selector + ": expected a number of threads from 1 to " + MOST_THREADS
                + " such as cpu:2, or cpu:reference");
    }
}
