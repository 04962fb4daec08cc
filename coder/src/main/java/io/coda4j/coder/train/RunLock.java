package io.coda4j.coder.train;

import io.coda4j.coder.files.AtomicFile;
import io.coda4j.coder.files.FileException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The right to write into the folder of a run, which one run at a time has.
 *
 * <p>The operating system holds the lock for the process and frees it when the process ends, however it ends. The file that is
 * locked stays in the folder: whether it is there says nothing.
 */
final class RunLock implements AutoCloseable {
    static final String FILE_NAME = ".lock";

    /** Beyond the text, which others may then read on systems where nobody can read what is locked. */
    private static final long LOCKED_BYTE = Long.MAX_VALUE - 1;

    private static final int LONGEST_TEXT = 100;

    private final Path file;
    private final FileChannel channel;

    /** What was made for the lock, in the order to delete it in. */
    private final List<Path> made;

    private RunLock(Path file, FileChannel channel, List<Path> made) {
        this.file = file;
        this.channel = channel;
        this.made = made;
    }

    /**
     * Takes the lock of {@code folder}, which is made where it is missing.
     *
     * @throws RecipeException if another run has it
     * @throws FileException if the folder cannot be written to
     */
    static RunLock take(Path folder) {
        var file = folder.resolve(FILE_NAME);
        var made = missing(file);
        AtomicFile.createFolder(folder);
        try {
            var channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            try {
                claim(folder, channel);
                return new RunLock(file, channel, made);
            } catch (RuntimeException | IOException e) {
                channel.close();
                throw e;
            }
        } catch (IOException e) {
            throw new FileException(file, "the run's folder cannot be locked", e);
        }
    }

    /** {@code path} and the folders above it that do not exist. */
    private static List<Path> missing(Path path) {
        var missing = new ArrayList<Path>();
        for (@Nullable Path at = path.toAbsolutePath(); at != null && !Files.exists(at); at = at.getParent()) {
            missing.add(at);
        }
        return missing;
    }

    private static void claim(Path folder, FileChannel channel) throws IOException {
        // A run that could not begin may have deleted the file since it was opened here.
        if (tryLock(channel) == null || !Files.exists(folder.resolve(FILE_NAME))) {
            throw taken(folder, channel);
        }
        channel.truncate(0);
        channel.write(StandardCharsets.US_ASCII.encode(
                "process " + ProcessHandle.current().pid()));
    }

    private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
        try {
            return channel.tryLock(LOCKED_BYTE, 1, false);
        } catch (OverlappingFileLockException _) {
            // Another run of this process, for which the system would see no conflict.
            return null;
        }
    }

    private static RecipeException taken(Path folder, FileChannel channel) throws IOException {
        var text = ByteBuffer.allocate(LONGEST_TEXT);
        channel.read(text, 0);
        var holder = StandardCharsets.US_ASCII.decode(text.flip()).toString();
        return new RecipeException(folder + ": a run is going on in it (" + (holder.isEmpty() ? "just started" : holder)
                + "); wait until it ends, or choose another folder with --out");
    }

    /** Gives the lock back and deletes what was made for it, because the run cannot begin: {@code reason} says why. */
    void abandon(Throwable reason) {
        try (channel) {
            for (var path : made) {
                Files.deleteIfExists(path);
            }
        } catch (DirectoryNotEmptyException _) {
            // The run came as far as writing into it: it is kept, with the folders above it.
        } catch (IOException e) {
            reason.addSuppressed(e);
        }
    }

    /** Gives the lock back. */
    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new FileException(file, "cannot be closed", e);
        }
    }
}
