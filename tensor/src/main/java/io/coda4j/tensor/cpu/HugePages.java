package io.coda4j.tensor.cpu;

import io.coda4j.tensor.cpu.x86.LinuxCalls;
import io.coda4j.tensor.cpu.x86.SystemRefusal;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Large blocks of native memory, for which Linux is asked for pages of 2 MB. On pages of 4 KB every few rows of a matrix
 * need the address of another page, and a processor keeps but some thousand of them.
 *
 * <p>It is advice (see the manual page of madvise): where the system does not take it, memory is what it was.
 * {@code -Dcoda.huge.pages=false} does without.
 */
@SuppressWarnings("restricted")
final class HugePages {
    /** The size of such a page, and that of others. */
    private static final long HUGE = 2L << 20;

    private static final long SMALL = 4096;

    /** Blocks of fewer bytes are allocated as ever. */
    private static final long LEAST = 2 * HUGE;

    /**
     * How much further behind the boundary of a page a block begins than the one before, and after how many that begins
     * anew: kernels visit the same place of several tensors at once, which would else lie in one set of the caches.
     */
    private static final long SHIFT = SMALL + 256;

    private static final int SHIFTS = 16;

    private static final String OFF = "coda.huge.pages";
    private static final Path SETTING = Path.of("/sys/kernel/mm/transparent_hugepage/enabled");

    private static final HugePages OF_PROCESS = new HugePages(unusable());

    private final AtomicInteger blocks = new AtomicInteger();
    private volatile Optional<String> unusedBecause;

    private HugePages(Optional<String> unusable) {
        unusedBecause = unusable;
    }

    static HugePages ofProcess() {
        return OF_PROCESS;
    }

    /** Why the system is not asked, or did not take the advice; empty if it does. */
    Optional<String> unusedBecause() {
        return unusedBecause;
    }

    private static Optional<String> unusable() {
        if (!Boolean.parseBoolean(System.getProperty(OFF, "true"))) {
            return Optional.of("-D" + OFF + "=" + System.getProperty(OFF));
        }
        try {
            return Files.exists(SETTING)
                    ? unusable(Files.readString(SETTING))
                    : Optional.of("only Linux is asked for them");
        } catch (IOException e) {
            return Optional.of(SETTING + " cannot be read: " + e.getMessage());
        }
    }

    /** @param setting such as {@code always [madvise] never} */
    static Optional<String> unusable(String setting) {
        return setting.contains("[never]") ? Optional.of(SETTING + " is \"never\"") : Optional.empty();
    }

    /** A block of {@code bytes} bytes of unspecified content, at least 64-byte aligned, that lives as long as {@code arena}. */
    MemorySegment allocate(Arena arena, long bytes) {
        if (bytes >= LEAST && unusedBecause.isEmpty()) {
            long length = bytes + HUGE + SHIFT * SHIFTS;
            try {
                return within(LinuxCalls.mapWritable(length), arena, bytes);
            } catch (SystemRefusal _) {
                // The arena may yet have room for the block, which is smaller, and says so itself where it has none.
            }
        }
        return arena.allocate(bytes, CpuMemory.ALIGNMENT);
    }

    /** A block in {@code pages}, which go with {@code arena}. */
    private MemorySegment within(MemorySegment pages, Arena arena, long bytes) {
        long shift = SHIFT * (blocks.getAndIncrement() & (SHIFTS - 1));
        long first = Math.ceilDiv(pages.address(), HUGE) * HUGE - pages.address();
        // No further than the block: else its end would take a whole page.
        long length = Math.ceilDiv(shift + bytes, SMALL) * SMALL;
        LinuxCalls.adviseHugePages(pages.asSlice(first, length))
                .ifPresent(reason -> unusedBecause = Optional.of(reason));
        long start = pages.address() + first + shift;
        return MemorySegment.ofAddress(start).reinterpret(bytes, arena, _ -> LinuxCalls.unmap(pages));
    }
}
