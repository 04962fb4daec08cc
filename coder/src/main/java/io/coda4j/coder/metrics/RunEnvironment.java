package io.coda4j.coder.metrics;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Optional;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** The machine and the Java that a run happens on, for the header of its metrics and for its report. */
public final class RunEnvironment {
    private static final Path CPU_INFO = Path.of("/proc/cpuinfo");
    private static final Path PROCESS_STATUS = Path.of("/proc/self/status");

    private RunEnvironment() {}

    /**
     * Describes this process in display order: {@code cpu}, {@code cores}, {@code memory}, {@code os}, {@code java},
     * {@code flags}, {@code device}, {@code version}.
     *
     * @param device the compute device, as the user selected it
     * @param version the version of this program
     */
    public static SequencedMap<String, String> capture(String device, String version) {
        var runtime = Runtime.getRuntime();
        var map = new LinkedHashMap<String, String>();
        map.put("cpu", field(CPU_INFO, "model name").orElse(System.getProperty("os.arch")));
        map.put("cores", Integer.toString(runtime.availableProcessors()));
        map.put("memory", "Java heap up to " + Quantity.bytes(runtime.maxMemory()));
        map.put("os", String.join(" ", property("os.name"), property("os.version"), property("os.arch")));
        map.put("java", property("java.vm.name") + " " + Runtime.version());
        map.put("flags", String.join(" ", ManagementFactory.getRuntimeMXBean().getInputArguments()));
        map.put("device", device);
        map.put("version", version);
        return map;
    }

    /** The resident memory of this process in bytes, or null where the system does not tell (no {@code /proc}). */
    public static @Nullable Long residentBytes() {
        return field(PROCESS_STATUS, "VmRSS")
                .map(text -> Long.parseLong(text.replace("kB", "").strip()) * 1024)
                .orElse(null);
    }

    private static String property(String name) {
        return System.getProperty(name);
    }

    private static Optional<String> field(Path file, String name) {
        if (!Files.isReadable(file)) {
            return Optional.empty();
        }
        try (var lines = Files.lines(file)) {
            return lines.filter(line -> line.startsWith(name))
                    .map(line -> line.substring(line.indexOf(':') + 1).strip())
                    .findFirst();
        } catch (IOException e) {
            throw new UncheckedIOException("cannot read " + file, e);
        }
    }
}
