package io.coda4j.coder.xla;

import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.DeviceProvider;
import io.coda4j.tensor.spi.Devices;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.testing.Requirement;
import java.util.Optional;

/**
 * The device {@code xla}: programs as StableHLO text on XLA's own CPU compiler. The tests of {@code tpu-backend} have it,
 * and it is found as every device is.
 */
public final class XlaCompiler {
    private XlaCompiler() {}

    /** The device; where there is none, the test is skipped, or fails if {@code xla} is required. */
    public static Device device() {
        return provider().open("");
    }

    /** As {@link #device()}, virtual devices as one. */
    public static Device device(Mesh mesh) {
        return provider().open("", mesh);
    }

    private static DeviceProvider provider() {
        var provider = Devices.providers().stream()
                .filter(known -> known.kind().equals("xla"))
                .findFirst();
        Requirement.require(
                "xla",
                provider.isPresent()
                        ? provider.flatMap(DeviceProvider::unusableBecause)
                        : Optional.of("the tests of tpu-backend are not on the class path"));
        return provider.orElseThrow();
    }
}
