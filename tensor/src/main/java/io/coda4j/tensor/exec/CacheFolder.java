package io.coda4j.tensor.exec;

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

/**
 * What devices keep on disk from run to run, such as built programs. An entry's name is the digest of all that decides
 * its content; the content begins with its own digest, because drivers may crash on a damaged binary. A folder that
 * cannot be read or written costs time and nothing else.
 */
public final class CacheFolder {
    private static final int DIGEST_BYTES = 32;

    private final Path folder;

    /** The cache in {@code folder}, which is created when something is written. */
    public CacheFolder(Path folder) {
        this.folder = folder;
    }

    /**
     * Where one kind of device keeps its cache: the folder that the environment names in {@code variable}, else
     * {@code $XDG_CACHE_HOME/coda4j/KIND}, or {@code ~/.cache/coda4j/KIND}.
     */
    public static Path standard(String variable, String kind) {
        var own = System.getenv(variable);
        if (own != null && !own.isBlank()) {
            return Path.of(own);
        }
        var xdg = System.getenv("XDG_CACHE_HOME");
        var base = xdg == null || xdg.isBlank() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(xdg);
        return base.resolve("coda4j").resolve(kind);
    }

    /** The folder. */
    public Path path() {
        return folder;
    }

    /** Where the content that {@code key} decides is. */
    public Path entry(String... key) {
        var bytes = String.join("\0", key).getBytes(StandardCharsets.UTF_8);
        return folder.resolve(HexFormat.of().formatHex(digest(bytes)) + ".bin");
    }

    /** The content of an entry, unless it is absent or damaged. */
    public Optional<byte[]> read(Path entry) {
        try {
            var file = Files.readAllBytes(entry);
            var content = Arrays.copyOfRange(file, Math.min(DIGEST_BYTES, file.length), file.length);
            var expected = Arrays.copyOf(file, DIGEST_BYTES);
            return Arrays.equals(expected, digest(content)) ? Optional.of(content) : Optional.empty();
        } catch (IOException _) {
            return Optional.empty();
        }
    }

    /** Keeps an entry, complete or not at all. */
    public void write(Path entry, byte[] content) {
        try {
            move(entry, digest(content), content);
        } catch (IOException _) {
            // Making it again next time is all that is lost.
        }
    }

    /**
     * Keeps a text for people beside the entries.
     *
     * @return where it is, or empty if the folder cannot be written
     */
    public Optional<Path> keep(String name, String text) {
        var file = folder.resolve(name).toAbsolutePath();
        try {
            move(file, text.getBytes(StandardCharsets.UTF_8));
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
