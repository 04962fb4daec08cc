package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class HugePagesTest {
    /** Below and above the least size, and no multiple of a page. */
    @ParameterizedTest
    @ValueSource(longs = {64, 1 << 20, (4 << 20) + 448, (7 << 20) + 64})
    void blocksAreApartAlignedAndGoneWithTheirArena(long bytes) {
        MemorySegment first;
        try (var arena = Arena.ofShared()) {
            first = HugePages.ofProcess().allocate(arena, bytes);
            var second = HugePages.ofProcess().allocate(arena, bytes);
            assertEquals(bytes, first.byteSize());
            assertEquals(0, first.address() % CpuMemory.ALIGNMENT);
            first.fill((byte) 1);
            second.fill((byte) 2);
            assertEquals(1, first.get(ValueLayout.JAVA_BYTE, 0));
            assertEquals(1, first.get(ValueLayout.JAVA_BYTE, bytes - 1));
            assertEquals(2, second.get(ValueLayout.JAVA_BYTE, bytes - 1));
        }
        assertThrows(IllegalStateException.class, () -> first.get(ValueLayout.JAVA_BYTE, 0));
    }

    @Test
    void largeBlocksBeginAtDifferentPlacesOfAPage() {
        try (var arena = Arena.ofConfined()) {
            long one = HugePages.ofProcess().allocate(arena, 8 << 20).address();
            long other = HugePages.ofProcess().allocate(arena, 8 << 20).address();
            var unused = HugePages.ofProcess().unusedBecause();
            assertTrue(unused.isPresent() || one % 4096 != other % 4096, "both at " + one % 4096);
        }
    }

    @Test
    void theSettingOfTheSystemIsRead() {
        assertEquals(Optional.empty(), HugePages.unusable("always [madvise] never\n"));
        assertEquals(Optional.empty(), HugePages.unusable("[always] madvise never\n"));
        assertTrue(HugePages.unusable("always madvise [never]\n").isPresent());
    }
}
