package io.coda4j.tensor.cpu;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
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

    // asm-generic/mman-common.h
    private static final int PROT_READ_WRITE = 3;
    private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
    private static final int MADV_HUGEPAGE = 14;
    private static final long MAP_FAILED = -1;

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
            long start = Linux.map(length);
            if (start != MAP_FAILED) {
                long shift = SHIFT * (blocks.getAndIncrement() & (SHIFTS - 1));
                long page = (start + HUGE - 1) / HUGE * HUGE;
                advise(page, (shift + bytes + SMALL - 1) / SMALL * SMALL);
                return MemorySegment.ofAddress(page + shift).reinterpret(bytes, arena, _ -> Linux.unmap(start, length));
            }
        }
        return arena.allocate(bytes, CpuMemory.ALIGNMENT);
    }

    /** No further than the block: else its end would take a whole page. */
    private void advise(long start, long length) {
        if (Linux.advise(start, length) != 0) {
            unusedBecause = Optional.of("Linux refused madvise(MADV_HUGEPAGE)");
        }
    }

    /** The calls, found when the first is made. */
    private static final class Linux {
        private static final MethodHandle MAP = function(
                "mmap",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_LONG));
        private static final MethodHandle ADVISE = function(
                "madvise",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
        private static final MethodHandle UNMAP = function(
                "munmap", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));

        private static MethodHandle function(String name, FunctionDescriptor type) {
            var linker = Linker.nativeLinker();
            return linker.downcallHandle(linker.defaultLookup().findOrThrow(name), type);
        }

        /** The address of new pages, or MAP_FAILED. */
        static long map(long bytes) {
            try {
                return (long) MAP.invokeExact(0L, bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
            } catch (Throwable e) {
                throw new IllegalStateException("mmap", e);
            }
        }

        static int advise(long start, long bytes) {
            try {
                return (int) ADVISE.invokeExact(start, bytes, MADV_HUGEPAGE);
            } catch (Throwable e) {
                throw new IllegalStateException("madvise", e);
            }
        }

        static void unmap(long start, long bytes) {
            int result;
            try {
                result = (int) UNMAP.invokeExact(start, bytes);
            } catch (Throwable e) {
                throw new IllegalStateException("munmap", e);
            }
            if (result != 0) {
                throw new IllegalStateException("Linux refused munmap of " + bytes + " bytes");
            }
        }
    }
}
