package io.coda4j.bench.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class ResidentMemoryTest {
    private static final List<String> STATUS = List.of(
            "Name:\tjava",
            "VmHWM:\t    3000 kB",
            "VmRSS:\t    2000 kB",
            "RssAnon:\t    1200 kB",
            "RssFile:\t     700 kB",
            "RssShmem:\t     100 kB");

    @Test
    void pagesOfMappedFilesAreTakenAway() {
        var memory = ResidentMemory.of(STATUS).orElseThrow();
        assertEquals(new ResidentMemory(2000 << 10, 3000 << 10, 700 << 10, 1200 << 10), memory);
        assertEquals(1300 << 10, memory.beyondMappedBytes());
    }

    @Test
    void aSystemThatLeavesOneOutTellsNothing() {
        assertEquals(Optional.empty(), ResidentMemory.of(STATUS.subList(0, 4)));
        assertEquals(Optional.empty(), ResidentMemory.of(List.of()));
    }

    @Test
    void thisProcessHoldsMemoryOrTheSystemDoesNotTell() {
        ResidentMemory.now().ifPresent(memory -> {
            assertTrue(memory.residentBytes() > 0 && memory.anonymousBytes() > 0, memory::toString);
            assertTrue(memory.peakResidentBytes() >= memory.mappedFileBytes(), memory::toString);
        });
    }
}
