package io.coda4j.tensor.opencl;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Built programs, and what was measured, on disk. An entry's name is the digest of source, options, device and driver;
 * its content begins with its own digest, because drivers may crash on a damaged binary. A folder that cannot be read or
 * written costs time and nothing else.
 */
final class ClCacheFolder {
    private static final int DIGEST_BYTES = 32;

    private final Path folder;
    private final String device;

    ClCacheFolder(Path folder, ClInfo info) {
        this.folder = folder;
        this.device = String.join("\n", info.name(), info.vendor(), info.version(), info.driver());
    }

    /**
     * {@code $CODA_OPENCL_CACHE} if it is set, else {@code $XDG_CACHE_HOME/coda4j/opencl}, or
     * {@code ~/.cache/coda4j/opencl}.
     */
    static Path standard() {
        var own = System.getenv("CODA_OPENCL_CACHE");
        if (own != null && !own.isBlank()) {
            return Path.of(own);
        }
        var xdg = System.getenv("XDG_CACHE_HOME");
        var base = xdg == null || xdg.isBlank() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(xdg);
        return base.resolve("coda4j").resolve("opencl");
    }

    /** Where all entries are. */
    Path folder() {
        return folder;
    }

    /** Where the binary of a program is. */
    Path entry(String source, String options) {
        var key = String.join("\0", device, options, source);
        return folder.resolve(HexFormat.of().formatHex(digest(key.getBytes(StandardCharsets.UTF_8))) + ".bin");
    }

    /** The binary, unless it is absent or damaged. */
    Optional<byte[]> read(Path entry) {
        try {
            var content = Files.readAllBytes(entry);
            var binary = Arrays.copyOfRange(content, Math.min(DIGEST_BYTES, content.length), content.length);
            var expected = Arrays.copyOf(content, DIGEST_BYTES);
            return Arrays.equals(expected, digest(binary)) ? Optional.of(binary) : Optional.empty();
        } catch (IOException _) {
            return Optional.empty();
        }
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

    /** Keeps a binary, complete or not at all. */
    void write(Path entry, byte[] binary) {
        try {
            move(entry, digest(binary), binary);
        } catch (IOException _) {
            // Building again next time is all that is lost.
        }
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
        var file = folder.resolve(name).toAbsolutePath();
        try {
            move(file, (comment + source).getBytes(StandardCharsets.UTF_8));
            return Optional.of(file);
        } catch (IOException _) {
            return Optional.empty();
        }
    }

    private void move(Path file, byte[]... content) throws IOException {
        Files.createDirectories(folder);
        var temporary = Files.createTempFile(folder, "new-", ".tmp");
        try {
            for (var part : content) {
                Files.write(temporary, part, StandardOpenOption.APPEND);
            }
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }

    private static byte[] digest(byte[] bytes) {
        try {
            return MessageDigest.getInstance("SHA-256").digest(bytes);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }
}
