package io.coda4j.tensor.opencl;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.DeviceProvider;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Finds OpenCL devices: {@code opencl:N} is the one with number N of all that the installed drivers name, and
 * {@code opencl} the first that is not the host's own processor, or number 0.
 */
public final class ClDeviceProvider implements DeviceProvider {
    /** How many bytes a process may hold on a device, where that is less than all. */
    private static final String MEMORY = "CODA_OPENCL_MEMORY";

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
    public Optional<String> passedOverBecause() {
        var devices = ClPlatforms.probed().devices();
        return devices.stream().allMatch(found -> found.info().isCpu())
                ? Optional.of("it has no GPU, only "
                        + devices.stream().map(found -> found.info().name()).collect(Collectors.joining(", "))
                        + ", on which the cpu device computes faster")
                : Optional.empty();
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
        var options = ClDevice.Options.in(ClCacheFolder.standard()).limitedTo(memoryLimit(System.getenv(MEMORY)));
        return ClDevice.open("opencl:" + number, devices.get(number), options);
    }

    /** The number of bytes in {@code text}, or no limit if there is none. */
    static long memoryLimit(@Nullable String text) {
        if (text == null || text.isBlank()) {
            return Long.MAX_VALUE;
        }
        try {
            long bytes = Long.parseLong(text.strip());
            if (bytes > 0) {
                return bytes;
            }
        } catch (NumberFormatException _) {
            // The message below covers both cases.
        }
        throw new DeviceException(MEMORY + "=" + text + ": expected a number of bytes, such as 4000000000");
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
