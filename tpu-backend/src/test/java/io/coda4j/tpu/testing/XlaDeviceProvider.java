package io.coda4j.tpu.testing;

import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.DeviceProvider;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tpu.pjrt.XlaPlugin;
import java.util.Optional;

/** Finds XLA's CPU compiler as the device {@code xla}, where TensorFlow's native library is. */
public final class XlaDeviceProvider implements DeviceProvider {
    /** Called by {@link java.util.ServiceLoader}. */
    public XlaDeviceProvider() {}

    @Override
    public String kind() {
        return "xla";
    }

    @Override
    public Optional<String> unusableBecause() {
        return XlaProcess.unusableBecause();
    }

    /** What a test's process chooses must be what a user's would. */
    @Override
    public Optional<String> passedOverBecause() {
        return Optional.of("it serves tests, and computes on the processors of the cpu device");
    }

    @Override
    public Device open(String selector) {
        return new XlaDevice(XlaProcess.shared());
    }

    /** Virtual devices of XLA's CPU client, through the binding of PJRT; see {@link XlaPlugin}. */
    @Override
    public Device open(String selector, Mesh mesh) {
        return XlaPlugin.open(kind(), mesh);
    }
}
