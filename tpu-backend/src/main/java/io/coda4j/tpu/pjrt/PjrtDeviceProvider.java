package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.exec.CacheFolder;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.DeviceProvider;
import io.coda4j.tensor.spi.Mesh;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * Finds devices behind PJRT plugins: {@code pjrt:/path/to/plugin.so}, {@code pjrt:tpu}, {@code pjrt:cuda} or
 * {@code pjrt:rocm}; {@code pjrt} alone is what {@code CODA_PJRT_PLUGIN} names, else the first plugin that is installed
 * and has its hardware. A number after another colon chooses among the devices of this process: {@code pjrt:tpu:1}. With a
 * mesh, its first devices are one.
 */
public final class PjrtDeviceProvider implements DeviceProvider {
    private static final Pattern SELECTOR = Pattern.compile("(.*?)(?::(\\d{1,6}))?");

    /** The environment variable with the folder for compiled programs. */
    private static final String CACHE = "CODA_PJRT_CACHE";

    /** Called by {@link java.util.ServiceLoader}. */
    public PjrtDeviceProvider() {}

    @Override
    public String kind() {
        return "pjrt";
    }

    @Override
    public Optional<String> unusableBecause() {
        var plugins = PjrtPlugins.ofThisProcess();
        try {
            return plugins.hardwareMissing(plugins.find(""));
        } catch (DeviceException e) {
            return Optional.of(String.valueOf(e.getMessage()));
        }
    }

    @Override
    public Device open(String selector) {
        var parts = parts(selector);
        int number = parts.group(2) == null ? 0 : Integer.parseInt(parts.group(2));
        return PjrtDevice.open(name(selector), plugin(selector, parts.group(1)), number, options());
    }

    @Override
    public Device open(String selector, Mesh mesh) {
        var parts = parts(selector);
        if (parts.group(2) != null) {
            throw new DeviceException("device " + name(selector) + " is one device; for a mesh " + mesh
                    + " name the plugin alone: " + name(parts.group(1)));
        }
        return PjrtDevice.open(name(selector), plugin(selector, selector), mesh, options());
    }

    private static MatchResult parts(String selector) {
        var parts = SELECTOR.matcher(selector);
        if (!parts.matches()) {
            throw new DeviceException("device pjrt:" + selector + ": expected pjrt, pjrt:KIND or pjrt:FILE");
        }
        return parts;
    }

    private static String name(String selector) {
        return "pjrt" + (selector.isEmpty() ? "" : ":" + selector);
    }

    private static PjrtPlugin plugin(String selector, String file) {
        var plugins = PjrtPlugins.ofThisProcess();
        var library = plugins.find(file);
        plugins.hardwareMissing(library).ifPresent(reason -> {
            throw new DeviceException(
                    "device " + name(selector) + " cannot be used: " + library + " is a plugin, but " + reason);
        });
        return PjrtPlugin.load(library);
    }

    private static PjrtDevice.Options options() {
        return PjrtDevice.Options.in(new CacheFolder(CacheFolder.standard(CACHE, "pjrt")));
    }
}
