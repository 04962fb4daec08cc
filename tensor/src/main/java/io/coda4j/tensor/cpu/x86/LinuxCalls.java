package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.AddressLayout;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.util.Optional;

/** The few calls of Linux that kernels need: for pages of memory, machine code and tile registers. */
@SuppressWarnings("restricted")
public final class LinuxCalls {
    // mman.h, the same on all processors that this engine runs on.
    private static final int PROT_READ = 1;
    private static final int PROT_WRITE = 2;
    private static final int PROT_EXEC = 4;
    private static final int MAP_PRIVATE_ANONYMOUS = 0x22;
    private static final int MADV_HUGEPAGE = 14;
    private static final long MAP_FAILED = -1;

    // Documentation/arch/x86/xstate.rst of Linux, and its table of system calls for x86-64.
    private static final long SYS_ARCH_PRCTL = 158;
    private static final long ARCH_REQ_XCOMP_PERM = 0x1023;
    private static final long XFEATURE_XTILEDATA = 18;

    private static final Linker LINKER = Linker.nativeLinker();
    private static final MemoryLayout STATE = Linker.Option.captureStateLayout();
    private static final VarHandle ERRNO = STATE.varHandle(MemoryLayout.PathElement.groupElement("errno"));
    private static final AddressLayout TEXT =
            ValueLayout.ADDRESS.withTargetLayout(MemoryLayout.sequenceLayout(256, ValueLayout.JAVA_BYTE));

    private LinuxCalls() {}

    /** Why machine code cannot be made here, or empty if it can. */
    static Optional<String> unusableBecause() {
        var system = System.getProperty("os.name");
        var processor = System.getProperty("os.arch");
        return system.equals("Linux") && processor.equals("amd64")
                ? Optional.empty()
                : Optional.of(
                        "machine code is assembled for Linux on x86-64 only, this is " + system + " on " + processor);
    }

    /**
     * New pages that can be read and written.
     *
     * @throws SystemRefusal if there are none, with the system's reason
     */
    public static MemorySegment mapWritable(long bytes) {
        try (var arena = Arena.ofConfined()) {
            var state = arena.allocate(STATE);
            long address = (long)
                    Function.MMAP.invokeExact(state, 0L, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0L);
            if (address == MAP_FAILED) {
                throw refused("mmap of " + bytes + " bytes", state);
            }
            return MemorySegment.ofAddress(address).reinterpret(bytes);
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    /** Advises that {@code pages} lie on pages of 2 MB; why they do not, or empty if the advice was taken. */
    public static Optional<String> adviseHugePages(MemorySegment pages) {
        try (var arena = Arena.ofConfined()) {
            var state = arena.allocate(STATE);
            int result = (int) Function.MADVISE.invokeExact(state, pages.address(), pages.byteSize(), MADV_HUGEPAGE);
            return result == 0
                    ? Optional.empty()
                    : Optional.of(refused("madvise(MADV_HUGEPAGE)", state).reason());
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    /** From now on {@code pages} can be executed and read, but not written. */
    static void makeExecutable(MemorySegment pages) {
        try (var arena = Arena.ofConfined()) {
            var state = arena.allocate(STATE);
            int result = (int)
                    Function.MPROTECT.invokeExact(state, pages.address(), pages.byteSize(), PROT_READ | PROT_EXEC);
            if (result != 0) {
                throw refused("mprotect, which makes machine code executable,", state);
            }
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    /** Gives pages back. */
    public static void unmap(MemorySegment pages) {
        try (var arena = Arena.ofConfined()) {
            var state = arena.allocate(STATE);
            if ((int) Function.MUNMAP.invokeExact(state, pages.address(), pages.byteSize()) != 0) {
                throw refused("munmap of " + pages.byteSize() + " bytes", state);
            }
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    /** Asks that this process may use the tile registers; why it may not, or empty if it may. */
    static Optional<String> requestTiles() {
        try (var arena = Arena.ofConfined()) {
            var state = arena.allocate(STATE);
            long result =
                    (long) Function.SYSCALL.invokeExact(state, SYS_ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA);
            return result == 0
                    ? Optional.empty()
                    : Optional.of(
                            refused("permission for tile registers", state).reason());
        } catch (Throwable e) {
            throw rethrown(e);
        }
    }

    private static SystemRefusal refused(String what, MemorySegment state) throws Throwable {
        int error = (int) ERRNO.get(state, 0L);
        var strerror = LINKER.downcallHandle(
                LINKER.defaultLookup().findOrThrow("strerror"), FunctionDescriptor.of(TEXT, ValueLayout.JAVA_INT));
        var text = ((MemorySegment) strerror.invokeExact(error)).getString(0);
        return new SystemRefusal("Linux refused " + what + " (" + text + ")");
    }

    private static RuntimeException rethrown(Throwable e) {
        return switch (e) {
            case RuntimeException runtime -> runtime;
            case Error error -> throw error;
            default -> new IllegalStateException(e);
        };
    }

    /** Functions of the C library, found when the first is called; each fills in errno. */
    private static final class Function {
        static final MethodHandle MMAP = of(
                "mmap",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_LONG,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_INT,
                        ValueLayout.JAVA_LONG));
        static final MethodHandle MADVISE = of(
                "madvise",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
        static final MethodHandle MPROTECT = of(
                "mprotect",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT));
        static final MethodHandle MUNMAP =
                of("munmap", FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
        static final MethodHandle SYSCALL = of(
                "syscall",
                FunctionDescriptor.of(
                        ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG),
                Linker.Option.firstVariadicArg(1));

        private static MethodHandle of(String name, FunctionDescriptor type, Linker.Option... more) {
            var options = new Linker.Option[more.length + 1];
            options[0] = Linker.Option.captureCallState("errno");
            System.arraycopy(more, 0, options, 1, more.length);
            return LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow(name), type, options);
        }
    }
}
