package io.coda4j.tensor.spi;

import io.coda4j.tensor.DeviceException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.List;
import java.util.stream.Collectors;

/**
 * What {@code --device auto} means: the kinds of devices in the order {@code pjrt}, {@code opencl}, any other, {@code
 * cpu}, of which the first is taken that is usable, is not passed over by its provider, opens, and computes a small
 * program as the CPU does. OpenCL is passed over where it has only processors: the CPU device is made for those.
 *
 * <p>A caller that finds out later that a device does not do, for want of memory, says so with {@link #passOver} and
 * asks for the {@link #next}.
 */
public final class DeviceChoice {
    /** The name of a device that asks for the choice. */
    public static final String NAME = "auto";

    static final String LAST = "cpu";
    private static final List<String> BEST = List.of("pjrt", "opencl");

    private final List<String> kinds;
    private final Deque<DeviceProvider> left;
    private final List<String> passedOver = new ArrayList<>();

    /** A choice among {@code providers}; the CPU device is the default one. */
    public DeviceChoice(List<DeviceProvider> providers) {
        this.left = new ArrayDeque<>(providers.stream()
                .sorted(Comparator.comparingInt(provider -> rank(provider.kind())))
                .toList());
        this.kinds = left.stream().map(DeviceProvider::kind).toList();
    }

    /** A choice among all devices of this process. */
    public static DeviceChoice amongInstalled() {
        return new DeviceChoice(Devices.providers());
    }

    private static int rank(String kind) {
        int place = BEST.indexOf(kind);
        return place >= 0 ? place : kind.equals(LAST) ? BEST.size() + 1 : BEST.size();
    }

    /**
     * Opens the best device that was not tried yet.
     *
     * @throws DeviceException if none is left, with the reasons
     */
    public Device next() {
        while (!left.isEmpty()) {
            var provider = left.removeFirst();
            var reason = provider.unusableBecause().or(provider::passedOverBecause);
            if (reason.isPresent()) {
                passOver(provider.kind(), reason.get());
                continue;
            }
            try {
                return opened(provider);
            } catch (DeviceException e) {
                passOver(provider.kind(), String.valueOf(e.getMessage()));
            }
        }
        throw new DeviceException("device auto: no device works here; " + reasons());
    }

    /** Says why a device that {@link #next} gave is not used after all. */
    public void passOver(String device, String reason) {
        passedOver.add("not " + device + ": " + reason.lines().findFirst().orElse(""));
    }

    /** The line that says that {@code chosen} was chosen, and why nothing before it was. */
    public String line(Device chosen) {
        return "device auto: %s (%s), the first that works of %s%s"
                .formatted(
                        chosen.name(),
                        chosen.description(),
                        String.join(", ", kinds),
                        passedOver.isEmpty() ? "" : "; " + reasons());
    }

    private String reasons() {
        return passedOver.stream().collect(Collectors.joining("; "));
    }

    private static Device opened(DeviceProvider provider) {
        return provider.kind().equals(LAST) ? Devices.defaultDevice() : DeviceProof.proved(provider.open(""));
    }
}
