package io.coda4j.tensor.opencl;

import io.coda4j.tensor.exec.CacheFolder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

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
}
