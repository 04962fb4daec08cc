package io.coda4j.nn.safetensors;

import io.coda4j.nn.files.FailureReason;
import io.coda4j.nn.files.TemporaryName;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * A group of files that appear only when all of them are complete on the disk.
 *
 * <p>{@link #stage} writes a file under a temporary name beside its target; {@link #publish} moves all of them, in the
 * order they were staged; {@link #close} deletes what was staged and not published.
 */
final class AtomicFiles implements AutoCloseable {
    private static final int BUFFER = 1 << 20;

    /** Opens the channel of a temporary file. */
    interface Opener {
        Opener PLAIN = path -> FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);

        WritableByteChannel open(Path path) throws IOException;
    }

    /** Writes the content of one file. */
    interface Content {
        void writeTo(Output out) throws IOException;
    }

    private final Opener opener;
    private final SequencedMap<Path, Path> staged = new LinkedHashMap<>();

    AtomicFiles(Opener opener) {
        this.opener = opener;
    }

    void stage(Path target, Content content) {
        var temporary = TemporaryName.of(target);
        staged.put(target, temporary);
        try (var arena = Arena.ofConfined();
                var channel = opener.open(temporary)) {
            content.writeTo(new Output(channel, arena.allocate(BUFFER)));
            if (channel instanceof FileChannel file) {
                file.force(true);
            }
        } catch (IOException e) {
            throw new SafetensorsException(target, "the file cannot be written: " + FailureReason.of(e), e);
        }
    }

    /** Moves the files; if one cannot be moved, those of the group that already were are removed again. */
    void publish() {
        var published = new ArrayList<Path>();
        for (var entry : staged.entrySet()) {
            try {
                Files.move(entry.getValue(), entry.getKey(), StandardCopyOption.ATOMIC_MOVE);
                published.add(entry.getKey());
                forceFolder(entry.getKey().resolveSibling("."));
            } catch (IOException e) {
                var failure = new SafetensorsException(
                        entry.getKey(), "the finished file cannot be moved into place: " + FailureReason.of(e), e);
                published.forEach(path -> delete(path, failure));
                throw failure;
            }
        }
        staged.clear();
    }

    private static void delete(Path path, SafetensorsException failure) {
        try {
            Files.deleteIfExists(path);
        } catch (IOException e) {
            failure.addSuppressed(e);
        }
    }

    /** Makes the new name survive a power failure; only POSIX systems let a folder be opened for this. */
    private static void forceFolder(Path folder) throws IOException {
        if (folder.getFileSystem().supportedFileAttributeViews().contains("posix")) {
            try (var channel = FileChannel.open(folder, StandardOpenOption.READ)) {
                channel.force(true);
            }
        }
    }

    @Override
    public void close() {
        for (var entry : staged.entrySet()) {
            try {
                Files.deleteIfExists(entry.getValue());
            } catch (IOException e) {
                throw new SafetensorsException(
                        entry.getValue(), "the temporary file cannot be deleted: " + FailureReason.of(e), e);
            }
        }
    }

    /** A channel that takes memory segments of any kind and size through one native buffer. */
    static final class Output {
        private final WritableByteChannel channel;
        private final MemorySegment buffer;

        Output(WritableByteChannel channel, MemorySegment buffer) {
            this.channel = channel;
            this.buffer = buffer;
        }

        void write(MemorySegment bytes) throws IOException {
            for (long at = 0; at < bytes.byteSize(); at += buffer.byteSize()) {
                long count = Math.min(buffer.byteSize(), bytes.byteSize() - at);
                MemorySegment.copy(bytes, at, buffer, 0, count);
                var chunk = buffer.asSlice(0, count).asByteBuffer();
                while (chunk.hasRemaining()) {
                    channel.write(chunk);
                }
            }
        }
    }
}
