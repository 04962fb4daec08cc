package io.coda4j.tensor.spi;

import io.coda4j.tensor.DeviceException;
import java.util.List;
import java.util.ServiceLoader;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/** The devices of this process. */
public final class Devices {
    private Devices() {}

    private static final class Default {
        static final Device CPU = open("cpu");
    }

    /** The device that eager code and host data use when none is named: the CPU. Never closed. */
    public static Device defaultDevice() {
        try {
            return Default.CPU;
        } catch (ExceptionInInitializerError e) {
            // A setting that cannot be is the user's error, not the class's.
            if (e.getCause() instanceof DeviceException cause) {
                throw cause;
            }
            throw e;
        }
    }

    /** All kinds of devices that are installed, usable or not. */
    public static List<DeviceProvider> providers() {
        return ServiceLoader.load(DeviceProvider.class, Devices.class.getClassLoader()).stream()
                .map(ServiceLoader.Provider::get)
                .toList();
    }

    /**
     * Opens the device called {@code name} and, unless it is the CPU, lets it compute something, so that one that cannot is found
     * out before work begins; {@code auto} is the best that works, see {@link DeviceChoice}.
     *
     * @param note receives the line that says what was chosen and why nothing better was
     * @throws DeviceException as {@link #open(String)}
     */
    public static Device open(String name, Consumer<String> note) {
        if (name.equals(DeviceChoice.LAST)) {
            return defaultDevice();
        }
        if (!name.equals(DeviceChoice.NAME)) {
            // Of another number of threads it would be compared with itself.
            return kind(name).equals(DeviceChoice.LAST) ? open(name) : DeviceProof.proved(open(name));
        }
        var choice = DeviceChoice.amongInstalled();
        var device = choice.next();
        note.accept(choice.line(device));
        return device;
    }

    /**
     * Opens the device called {@code name}, such as {@code cpu}, {@code opencl:1} or {@code pjrt:/path/to/plugin.so}.
     *
     * @throws DeviceException if no such kind is installed or it cannot be opened; the message says why
     */
    public static Device open(String name) {
        return open(name, DeviceProvider::open);
    }

    /**
     * Opens the devices of a mesh as one, and lets them compute something.
     *
     * @param name of a kind of device that has meshes, such as {@code pjrt:tpu}
     * @throws DeviceException if there are too few of them, or they cannot be opened; the message says why
     */
    public static Device open(String name, Mesh mesh) {
        if (name.equals(DeviceChoice.NAME)) {
            throw new DeviceException("device " + name + " chooses a single device; name the kind that a mesh " + mesh
                    + " is to be of, such as pjrt:tpu");
        }
        return DeviceProof.proved(open(name, (provider, selector) -> provider.open(selector, mesh)));
    }

    private static String kind(String name) {
        int colon = name.indexOf(':');
        return colon < 0 ? name : name.substring(0, colon);
    }

    private static Device open(String name, BiFunction<DeviceProvider, String, Device> opening) {
        int colon = name.indexOf(':');
        var kind = kind(name);
        var providers = providers();
        for (var provider : providers) {
            if (provider.kind().equals(kind)) {
                if (colon < 0) {
                    provider.unusableBecause().ifPresent(reason -> {
                        throw new DeviceException("device " + name + " cannot be used: " + reason);
                    });
                }
                return opening.apply(provider, colon < 0 ? "" : name.substring(colon + 1));
            }
        }
        throw new DeviceException("no device is called '" + name + "'; installed kinds: "
                + providers.stream().map(DeviceProvider::kind).collect(Collectors.joining(", "))
                + "; 'auto' chooses one");
    }
}
