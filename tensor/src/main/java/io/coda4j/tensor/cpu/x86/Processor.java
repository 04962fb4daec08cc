package io.coda4j.tensor.cpu.x86;

import java.util.Optional;

/** What a processor and its operating system say about themselves. */
interface Processor {
    /** The registers EAX, EBX, ECX, EDX after CPUID (SDM volume 2, CPUID). */
    int[] cpuid(int leaf, int subleaf);

    /** The register XCR0: which registers the operating system keeps (SDM volume 1, 13.3). Only where OSXSAVE is set. */
    long enabledState();

    /** Asks for the permission to use tile registers; why it was refused, or empty. */
    Optional<String> requestTiles();
}
