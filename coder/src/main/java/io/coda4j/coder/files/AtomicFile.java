package io.coda4j.coder.files;

import io.coda4j.nn.files.TemporaryName;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/** Files that appear whole or not at all: written under a temporary name beside the target, synced, then moved. */
public final class AtomicFile {
    private AtomicFile() {}

    /**
     * Writes {@code text} as UTF-8 to {@code target}, replacing it.
     *
     * @throws FileException if that fails; nothing is left behind then
     */
    public static void write(Path target, String text) {
        write(target, text.getBytes(StandardCharsets.UTF_8));
    }

    /**
     * Writes {@code bytes} to {@code target}, replacing it.
     *
     * @throws FileException if that fails; nothing is left behind then
     */
    public static void write(Path target, byte[] bytes) {
        var temporary = TemporaryName.of(target);
        try {
            try (var channel = FileChannel.open(temporary, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
                var buffer = ByteBuffer.wrap(bytes);
                while (buffer.hasRemaining()) {
                    channel.write(buffer);
                }
                channel.force(true);
            }
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            var failure = new FileException(target, "cannot be written", e);
            try {
                Files.deleteIfExists(temporary);
            } catch (IOException second) {
                failure.addSuppressed(second);
            }
            throw failure;
        }
    }

    /**
     * Deletes what killed processes left half written in {@code folder}, which no other process may be writing to.
     *
     * @throws FileException if that fails
     */
    public static void clearUnfinished(Path folder) {
        try (var files = Files.list(folder)) {
            for (var file : files.toList()) {
                if (TemporaryName.isOf(file)) {
                    Files.delete(file);
                }
            }
        } catch (IOException e) {
            throw new FileException(folder, "what a killed run left there cannot be deleted", e);
        }
    }

    /**
     * Checks that {@code folder} can be written to, or be made, without making it: for work that takes long before it
     * writes anything.
     *
     * @throws FileException if not
     */
    public static void checkFolder(Path folder) {
        var existing = folder.toAbsolutePath();
        while (!Files.exists(existing, LinkOption.NOFOLLOW_LINKS) && existing.getParent() != null) {
            existing = existing.getParent();
        }
        if (!Files.isDirectory(existing)) {
            throw new FileException(folder, "cannot be a folder: " + existing + " is not a folder");
        }
        if (!Files.isWritable(existing)) {
            throw new FileException(folder, "cannot be written to: permission denied: " + existing);
        }
    }

    /**
     * Makes {@code folder} and its parents where they are missing.
     *
     * @throws FileException if that fails
     */
    public static void createFolder(Path folder) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new FileException(folder, "the folder cannot be created", e);
        }
    }
}
