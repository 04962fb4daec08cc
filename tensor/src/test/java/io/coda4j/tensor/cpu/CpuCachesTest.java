package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DeviceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CpuCachesTest {
    @TempDir
    private Path folder;

    private void cache(int index, String level, String type, String size) throws IOException {
        var files = Files.createDirectory(folder.resolve("index" + index));
        Files.writeString(files.resolve("level"), level + "\n");
        Files.writeString(files.resolve("type"), type + "\n");
        Files.writeString(files.resolve("size"), size + "\n");
    }

    @Test
    void sizesAreReadAsLinuxTellsThem() throws IOException {
        cache(0, "1", "Instruction", "64K");
        cache(1, "1", "Data", "48K");
        cache(2, "2", "Unified", "2048K");
        cache(3, "3", "Unified", "36864K");
        var caches = CpuCaches.in(folder);
        assertEquals(new CpuCaches(48 << 10, 2 << 20, 36 << 20, false), caches);
        assertEquals("caches 48 KB, 2 MB, 36 MB", caches.description());
    }

    @Test
    void whatIsNotToldIsAssumedAndSaidToBe() throws IOException {
        cache(0, "2", "Unified", "512K");
        Files.createDirectory(folder.resolve("index1"));
        assertEquals(
                "caches 32 KB, 512 KB, 16 MB (assumed)", CpuCaches.in(folder).description());
    }

    @Test
    void propertiesComeFirst() throws IOException {
        cache(0, "2", "Unified", "512K");
        System.setProperty("coda.cache.l2", "3m");
        try {
            assertEquals(3 << 20, CpuCaches.in(folder).l2());
            System.setProperty("coda.cache.l2", "big");
            var e = assertThrows(DeviceException.class, () -> CpuCaches.in(folder));
            assertEquals(
                    "property coda.cache.l2: expected a size such as 32K, 2M or 524288, got 'big'", e.getMessage());
        } finally {
            System.clearProperty("coda.cache.l2");
        }
    }

    @Test
    void aBlockOfRowsTakesAtMostHalfOfTheSecondLevel() {
        for (long l2 : new long[] {128 << 10, 256 << 10, 512 << 10, 1 << 20, 2 << 20, 64 << 20}) {
            int rows = MatmulWorkspace.rows(new CpuCaches(32 << 10, l2, 16 << 20, false));
            assertEquals(0, rows % MicroKernel.MR);
            assertTrue(rows >= 4 * MicroKernel.MR && rows <= 480, () -> l2 + " bytes give " + rows + " rows");
            assertTrue(rows == 4 * MicroKernel.MR || rows * 4L * MicroKernel.ROW <= l2 / 2, () -> rows + " rows");
        }
        assertEquals(240, MatmulWorkspace.rows(new CpuCaches(32 << 10, 512 << 10, 16 << 20, false)));
        assertEquals(240, MatmulWorkspace.rows(new CpuCaches(32 << 10, 1 << 20, 16 << 20, false)));
        assertEquals(480, MatmulWorkspace.rows(new CpuCaches(32 << 10, 2 << 20, 16 << 20, false)));
    }
}
