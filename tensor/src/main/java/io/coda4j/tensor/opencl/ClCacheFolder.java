package io.coda4j.tensor.opencl;

import io.coda4j.tensor.exec.CacheFolder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Collectors;

/** Built programs, and what was measured, on disk; all of it for one device with one driver. */
final class ClCacheFolder {
    private final CacheFolder folder;
    private final String device;

    ClCacheFolder(Path folder, ClInfo info) {
        this.folder = new CacheFolder(folder);
        this.device = String.join("\n", info.name(), info.vendor(), info.version(), info.driver());
    }

    /** Where built programs are kept unless a test says otherwise; {@code CODA_OPENCL_CACHE} names another folder. */
    static Path standard() {
        return CacheFolder.standard("CODA_OPENCL_CACHE", "opencl");
    }

    /** Where all entries are. */
    Path folder() {
        return folder.path();
    }

    /** Where the binary of a program is. */
    Path entry(String source, String options) {
        return folder.entry(device, options, source);
    }

    /** The binary, unless it is absent or damaged. */
    Optional<byte[]> read(Path entry) {
        return folder.read(entry);
    }

    /** Keeps a binary, complete or not at all. */
    void write(Path entry, byte[] binary) {
        folder.write(entry, binary);
    }

    /** The tuning that was measured on this device with this driver. */
    Optional<ClTuning> tuning() {
        return read(entry("tuning", "")).flatMap(bytes -> {
            try {
                return Optional.of(ClTuning.parse(new String(bytes, StandardCharsets.UTF_8)));
            } catch (IllegalArgumentException _) {
                // Of another version of this program: as good as none.
                return Optional.empty();
            }
        });
    }

    /** Keeps a tuning for later. */
    void remember(ClTuning tuning) {
        write(entry("tuning", ""), tuning.format().getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Keeps a source that the driver's compiler refused, with what there is to know about it in a comment above.
     *
     * @return where it is, or empty if the folder cannot be written
     */
    Optional<Path> keepRefused(String source, String options, String log) {
        var comment = "device %s%noptions %s%nlog:%n%s"
                .formatted(device.replace("\n", ", "), options, log)
                .lines()
                .map(line -> "// " + line + "\n")
                .collect(Collectors.joining());
        var name = entry(source, options).getFileName().toString().replace(".bin", ".refused.cl");
        return folder.keep(name, comment + source);
    }
}
