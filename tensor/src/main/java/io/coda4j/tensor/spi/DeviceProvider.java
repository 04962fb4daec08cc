package io.coda4j.tensor.spi;

import io.coda4j.tensor.DeviceException;
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

    /**
     * Opens as many devices as {@code mesh} has as one, whose programs run on all of them.
     *
     * @param selector as in {@link #open(String)}
     * @throws io.coda4j.tensor.DeviceException if there are too few, or this kind has no meshes
     */
    default Device open(String selector, Mesh mesh) {
        throw new DeviceException("device " + kind() + (selector.isEmpty() ? "" : ":" + selector)
                + " cannot be spread over a mesh " + mesh
                + "; meshes are of devices behind a PJRT plugin, such as pjrt:tpu; leave the mesh out for one device");
    }
}
