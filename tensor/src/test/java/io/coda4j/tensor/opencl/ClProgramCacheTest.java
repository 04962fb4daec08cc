package io.coda4j.tensor.opencl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClProgramCacheTest {
    @TempDir
    private Path folder;

    private ClDevice open() {
        return ClTestDevice.openKeepingBinaries(folder);
    }

    /** Makes a device build one program; how many it built from source. */
    private int sourceBuilds() {
        try (var device = open()) {
            var iota = new Eager(device).apply(new Primitive.Iota(TensorType.i32(3), 0), List.of());
            assertEquals(
                    List.of(0, 1, 2),
                    java.util.Arrays.stream(((Array) iota.getFirst()).toInts())
                            .boxed()
                            .toList());
            return device.programs().sourceBuilds();
        }
    }

    private List<Path> entries() throws IOException {
        try (var files = Files.list(folder)) {
            return files.toList();
        }
    }

    @Test
    void aBinaryIsReusedByTheNextProcess() throws IOException {
        assertEquals(1, sourceBuilds());
        assertEquals(1, entries().size());
        assertEquals(0, sourceBuilds());
    }

    @Test
    void nothingIsKeptTwiceWhereTheDriverKeepsKernels() throws IOException {
        try (var device = ClTestDevice.open(ClDevice.Options.in(folder))) {
            new Eager(device).apply(new Primitive.Iota(TensorType.i32(3), 0), List.of());
            assertEquals(device.info().keepsKernels() ? 0 : 1, entries().size());
        }
    }

    @Test
    void aDamagedEntryIsBuiltAnew() throws IOException {
        sourceBuilds();
        var entry = entries().getFirst();
        var whole = Files.readAllBytes(entry);
        for (int length : new int[] {0, 10, 32, whole.length - 1}) {
            Files.write(entry, java.util.Arrays.copyOf(whole, length));
            assertEquals(1, sourceBuilds(), () -> "cut to " + length);
            assertEquals(0, sourceBuilds());
        }
        var flipped = whole.clone();
        flipped[whole.length / 2] ^= 1;
        Files.write(entry, flipped);
        assertEquals(1, sourceBuilds());
    }

    @Test
    void aFolderThatCannotBeWrittenCostsOnlyTime() throws IOException {
        folder = Files.writeString(folder.resolve("file"), "in the way").resolve("below");
        assertEquals(1, sourceBuilds());
        assertEquals(1, sourceBuilds());
    }

    private static final String NONSENSE = "__kernel void k() {\n  nonsense;\n}\n";

    private DeviceException refused() {
        try (var device = open()) {
            long before = device.handles().live();
            var error =
                    assertThrows(DeviceException.class, () -> device.programs().function(NONSENSE, "-DX=1", "k"));
            assertEquals(before, device.handles().live());
            return error;
        }
    }

    @Test
    void aSourceThatDoesNotCompileIsKeptWithTheLogInAFileThatTheErrorNames() throws IOException {
        var message = refused().getMessage();
        assertEquals(1, message.lines().count(), message);
        assertTrue(message.startsWith("opencl:0: the driver's compiler failed with CL_BUILD_PROGRAM_FAILURE"), message);
        assertTrue(message.contains("'-DX=1'"), message);
        assertTrue(message.contains("nonsense"), message);
        assertEquals(1, entries().size());
        var file = entries().getFirst().toAbsolutePath();
        assertTrue(message.endsWith("source and log are in " + file), message);
        var kept = Files.readString(file);
        assertTrue(kept.endsWith(NONSENSE), kept);
        var comment = kept.substring(0, kept.length() - NONSENSE.length());
        assertTrue(comment.lines().allMatch(line -> line.startsWith("// ")), kept);
        assertTrue(comment.contains("options -DX=1") && comment.contains("error"), kept);
    }

    @Test
    void aSourceThatCannotBeKeptEitherIsReported() throws IOException {
        folder = Files.writeString(folder.resolve("file"), "in the way").resolve("below");
        var message = refused().getMessage();
        assertTrue(message.endsWith("source and log could not be written to " + folder), message);
    }
}
