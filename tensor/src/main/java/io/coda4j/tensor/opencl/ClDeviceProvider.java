package io.coda4j.tensor.opencl;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.DeviceProvider;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Finds OpenCL devices: {@code opencl:N} is the one with number N of all that the installed drivers name, and
 * {@code opencl} the first that is not the host's own processor, or number 0.
 */
public final class ClDeviceProvider implements DeviceProvider {
    /** Called by {@link java.util.ServiceLoader}. */
    public ClDeviceProvider() {}

    @Override
    public String kind() {
        return "opencl";
    }

    @Override
    public Optional<String> unusableBecause() {
        return ClPlatforms.probed().reason();
    }

    @Override
    public Device open(String selector) {
        var devices = ClPlatforms.probed().devices();
        unusableBecause().ifPresent(reason -> {
            throw new DeviceException("device opencl cannot be used: " + reason);
        });
        int number = selector.isEmpty() ? preferred() : number(selector);
        if (number < 0 || number >= devices.size()) {
            throw new DeviceException("device opencl:" + selector + ": expected the number of a device: "
                    + IntStream.range(0, devices.size())
                            .mapToObj(i -> i + " (" + devices.get(i).info().name() + ")")
                            .collect(Collectors.joining(", ")));
        }
        return ClDevice.open("opencl:" + number, devices.get(number), ClDevice.Options.in(ClCacheFolder.standard()));
    }

    private static int preferred() {
        var devices = ClPlatforms.probed().devices();
        return IntStream.range(0, devices.size())
                .filter(i -> !devices.get(i).info().isCpu())
                .findFirst()
                .orElse(0);
    }

    private static int number(String selector) {
        try {
            return Integer.parseInt(selector);
        } catch (NumberFormatException _) {
            return -1;
        }
    }
}
