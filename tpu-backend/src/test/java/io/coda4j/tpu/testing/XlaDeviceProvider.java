package io.coda4j.tpu.testing;

import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.DeviceProvider;
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

    @Override
    public Device open(String selector) {
        return new XlaDevice(XlaProcess.shared());
    }
}
