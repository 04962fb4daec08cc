package io.coda4j.nn.safetensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FailingWritesTest {
    @TempDir
    Path folder;

    /** A channel whose disk is full after {@code capacity} bytes. */
    private record FullDisk(WritableByteChannel under, long[] capacity) implements WritableByteChannel {
        @Override
        public int write(ByteBuffer bytes) throws IOException {
            if (capacity[0] <= 0) {
                throw new IOException("No space left on device");
            }
            var part = bytes.slice(bytes.position(), (int) Math.min(capacity[0], bytes.remaining()));
            int written = under.write(part);
            bytes.position(bytes.position() + written);
            capacity[0] -= written;
            return written;
        }

        @Override
        public boolean isOpen() {
            return under.isOpen();
        }

        @Override
        public void close() throws IOException {
            under.close();
        }
    }

    private static AtomicFiles.Opener fullAfter(long bytes) {
        long[] capacity = {bytes};
        return path ->
                new FullDisk(FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE), capacity);
    }

    private static SafetensorsWriter model(SafetensorsWriter writer) {
        return writer.add("a", new float[1000], 1000)
                .add("b", new float[1000], 1000)
                .add("c", new float[1000], 1000);
    }

    private static List<String> names(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void aFullDiskLeavesNoFileAndKeepsTheOldOne() throws IOException {
        var file = folder.resolve("model.safetensors");
        new SafetensorsWriter().add("old", new float[] {7}, 1).write(file);
        for (long capacity : new long[] {0, 1, 8, 100, 5000, 12_000}) {
            var e = assertThrows(
                    SafetensorsException.class,
                    () -> model(new SafetensorsWriter(fullAfter(capacity))).write(file));
            assertTrue(e.getMessage().startsWith(file + ": the file cannot be written"), e.getMessage());
            assertTrue(e.getMessage().contains("No space left on device"), e.getMessage());
            assertEquals(List.of("model.safetensors"), names(folder));
        }
        try (var tensors = Safetensors.open(file)) {
            assertArrayEquals(new float[] {7}, tensors.floats("old"));
        }
    }

    @Test
    void aFullDiskInTheSecondShardLeavesNoShard() throws IOException {
        assertThrows(
                SafetensorsException.class,
                () -> model(new SafetensorsWriter(fullAfter(6000))).writeSharded(folder, 4000));
        assertEquals(List.of(), names(folder));
    }

    @Test
    void aTargetThatCannotBeReplacedLeavesNoTemporaryFile() throws IOException {
        var target = Files.createDirectory(folder.resolve("taken"));
        Files.createFile(target.resolve("inside"));
        var e = assertThrows(
                SafetensorsException.class, () -> model(new SafetensorsWriter()).write(target));
        assertTrue(e.getMessage().contains("cannot be moved into place"), e.getMessage());
        assertEquals(List.of("taken"), names(folder));
    }

    @Test
    void aSupplierOfTheWrongLengthLeavesNoFile() throws IOException {
        var writer = new SafetensorsWriter()
                .add("w", StoredType.F32, new long[] {2}, () -> MemorySegment.ofArray(new byte[4]));
        var e = assertThrows(IllegalArgumentException.class, () -> writer.write(folder.resolve("w.safetensors")));
        assertEquals("tensor \"w\": its shape needs 8 bytes, got 4", e.getMessage());
        assertEquals(List.of(), names(folder));
    }

    @Test
    void aMissingFolderIsNamed() throws IOException {
        var file = folder.resolve("absent").resolve("model.safetensors");
        var e = assertThrows(
                SafetensorsException.class, () -> model(new SafetensorsWriter()).write(file));
        assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
        assertEquals(List.of(), names(folder));
    }

    @Test
    void anUnwritableFolderIsNamed() throws IOException {
        var locked = Files.createDirectory(folder.resolve("locked"));
        Files.setPosixFilePermissions(locked, PosixFilePermissions.fromString("r-xr-xr-x"));
        assumeTrue(!Files.isWritable(locked), "this user may write anywhere, so no folder is unwritable");
        var e = assertThrows(
                SafetensorsException.class, () -> model(new SafetensorsWriter()).writeSharded(locked, 10_000));
        assertTrue(e.getMessage().contains("permission denied"), e.getMessage());
        assertEquals(List.of(), names(locked));
    }

    @Test
    void aRealFullFileSystemLeavesNoFile() throws IOException, InterruptedException {
        var mount = Files.createDirectory(folder.resolve("tiny"));
        assumeTrue(
                run("mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", mount.toString()),
                "mounting a tiny file system needs root");
        try {
            var e = assertThrows(
                    SafetensorsException.class,
                    () -> model(new SafetensorsWriter()).write(mount.resolve("model.safetensors")));
            assertTrue(e.getMessage().contains("cannot be written"), e.getMessage());
            assertEquals(List.of(), names(mount));
        } finally {
            assertTrue(run("umount", mount.toString()));
        }
    }

    private static boolean run(String... command) throws IOException, InterruptedException {
        try {
            var process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                    .start();
            return process.waitFor(10, TimeUnit.SECONDS) && process.exitValue() == 0;
        } catch (IOException e) {
            assumeTrue(false, "no such command: " + command[0]);
            throw e;
        }
    }

    @Test
    void aFolderThatHoldsAModelIsNotMixedWithAnother() throws IOException {
        model(new SafetensorsWriter()).writeSharded(folder, 4000);
        var before = names(folder);
        var e = assertThrows(
                SafetensorsException.class, () -> model(new SafetensorsWriter()).writeSharded(folder, 100_000));
        assertTrue(e.getMessage().contains("already holds a model"), e.getMessage());
        assertEquals(before, names(folder));
    }

    @Test
    void badTensorsAreRefusedWhenTheyAreAdded() {
        var writer = new SafetensorsWriter().add("w", new float[2], 2);
        assertRefused("tensor \"w\" was added twice", () -> writer.add("w", new float[2], 2));
        assertRefused("its shape needs 12 bytes, got 8", () -> writer.add("v", new float[2], 3));
        assertRefused(
                "negative dimension -1", () -> writer.add("v", StoredType.F32, new long[] {-1}, MemorySegment.NULL));
        assertRefused("cannot be called __metadata__", () -> writer.add("__metadata__", new float[1], 1));
        assertRefused("overflows", () -> writer.add("v", new float[1], 1L << 40, 1L << 40));
        assertRefused("maxShardBytes", () -> writer.writeSharded(folder, 0));
    }

    private static void assertRefused(String message, Runnable action) {
        var e = assertThrows(IllegalArgumentException.class, action::run);
        assertTrue(e.getMessage().contains(message), e.getMessage());
    }
}
