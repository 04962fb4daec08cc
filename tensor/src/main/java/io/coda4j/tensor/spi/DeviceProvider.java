package io.coda4j.tensor.spi;

import java.util.Optional;

/** How a kind of device is found: implementations are declared for {@link java.util.ServiceLoader}. */
public interface DeviceProvider {
    /** The kind, the part of a device name before the colon: {@code cpu}, {@code opencl}, {@code pjrt}. */
    String kind();

    /** Why the device that the kind alone names cannot be opened here, or empty if it can. */
    Optional<String> unusableBecause();

    /**
     * Why {@code --device auto} passes this kind over although it is usable, for example because what {@link #open} opens
     * without a selector computes on the same processors as the CPU device; or empty.
     */
    default Optional<String> passedOverBecause() {
        return Optional.empty();
    }

    /**
     * Opens a device.
     *
     * @param selector the part of the device name after the colon, or empty
     * @throws io.coda4j.tensor.DeviceException if there is none, with the reason
     */
    Device open(String selector);
}
