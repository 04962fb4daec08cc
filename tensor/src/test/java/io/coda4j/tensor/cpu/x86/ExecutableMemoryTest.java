package io.coda4j.tensor.cpu.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.testing.Requirement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ExecutableMemoryTest {
    @BeforeEach
    void machineCodeMustBePossible() {
        Requirement.require("machine-code", LinuxCalls.unusableBecause());
    }

    private static String permissions(long address) throws IOException {
        for (var line : Files.readAllLines(Path.of("/proc/self/maps"))) {
            var range = line.split("[- ]", 3);
            if (Long.parseUnsignedLong(range[0], 16) <= address && address < Long.parseUnsignedLong(range[1], 16)) {
                return line.split(" ")[1];
            }
        }
        return "unmapped";
    }

    @Test
    void pagesAreExecutableAndNotWritable() throws IOException {
        long[] routines = ExecutableMemory.of(List.of(NativeProcessor.cpuidRoutine(), new byte[] {(byte) 0xc3}));
        for (long routine : routines) {
            assertEquals("r-xp", permissions(routine));
            assertEquals(0, routine % 64);
        }
        assertTrue(routines[1] > routines[0]);
    }

    @Test
    void pagesAreWritableAndNotExecutableBefore() throws IOException {
        var pages = LinuxCalls.mapWritable(4096);
        assertEquals("rw-p", permissions(pages.address()));
        LinuxCalls.unmap(pages);
    }

    @Test
    void aRefusalIsAReason() {
        var mmap = assertThrows(SystemRefusal.class, () -> LinuxCalls.mapWritable(1L << 60));
        assertTrue(String.valueOf(mmap.getMessage()).startsWith("Linux refused mmap of 1152921504606846976 bytes"));
        var pages = LinuxCalls.mapWritable(4096);
        var mprotect = assertThrows(SystemRefusal.class, () -> LinuxCalls.makeExecutable(pages.asSlice(1)));
        var message = String.valueOf(mprotect.getMessage());
        assertTrue(message.startsWith("Linux refused mprotect"), message);
        // With the operating system's own words.
        assertFalse(message.endsWith("()"), message);
        LinuxCalls.unmap(pages);
    }

    /** The pages are what they were. */
    @Test
    void aRefusedAdviceIsAReason() {
        var pages = LinuxCalls.mapWritable(4096);
        var reason = LinuxCalls.adviseHugePages(pages.asSlice(1)).orElse("none");
        assertTrue(reason.startsWith("Linux refused madvise(MADV_HUGEPAGE) ("), reason);
        assertFalse(reason.endsWith("()"), reason);
        pages.fill((byte) 1);
        LinuxCalls.unmap(pages);
    }
}
