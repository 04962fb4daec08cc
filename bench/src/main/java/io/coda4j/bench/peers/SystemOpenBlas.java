package io.coda4j.bench.peers;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.coda4j.tensor.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/** OpenBLAS as the system has it, in Debian by {@code apt install libopenblas0-pthread}: by its C interface, with 32-bit sizes. */
final class SystemOpenBlas implements OpenBlas {
    private static final String LIBRARY = System.mapLibraryName("openblas") + ".0";

    private static final String MISSING =
            "the system has no " + LIBRARY + "; in Debian, install it with: apt install libopenblas0-pthread";

    /** Values of the C interface to BLAS. */
    private static final int ROW_MAJOR = 101;

    private static final int NO_TRANS = 111;
    private static final int TRANS = 112;

    private final MethodHandle setThreads;
    private final MethodHandle getConfig;
    private final MethodHandle getCore;
    private final MethodHandle sgemm;

    private SystemOpenBlas(SymbolLookup library) {
        setThreads = call(library, "openblas_set_num_threads", FunctionDescriptor.ofVoid(JAVA_INT));
        getConfig = call(library, "openblas_get_config", FunctionDescriptor.of(ADDRESS));
        getCore = call(library, "openblas_get_corename", FunctionDescriptor.of(ADDRESS));
        sgemm = call(
                library,
                "cblas_sgemm",
                FunctionDescriptor.ofVoid(
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_INT,
                        JAVA_FLOAT,
                        ADDRESS,
                        JAVA_INT,
                        ADDRESS,
                        JAVA_INT,
                        JAVA_FLOAT,
                        ADDRESS,
                        JAVA_INT));
    }

    /**
     * Binds the library.
     *
     * @throws DeviceException if the system has none
     */
    static SystemOpenBlas open() {
        return lookup().map(SystemOpenBlas::new).orElseThrow(() -> new DeviceException(MISSING));
    }

    /** Why there is none, or empty if there is. */
    static Optional<String> unusableBecause() {
        return lookup().isPresent() ? Optional.empty() : Optional.of(MISSING);
    }

    @SuppressWarnings("restricted")
    private static Optional<SymbolLookup> lookup() {
        try {
            return Optional.of(SymbolLookup.libraryLookup(LIBRARY, Arena.global()));
        } catch (IllegalArgumentException _) {
            // How the method says that there is no such library.
            return Optional.empty();
        }
    }

    @SuppressWarnings("restricted")
    private static MethodHandle call(SymbolLookup library, String name, FunctionDescriptor type) {
        return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), type);
    }

    @Override
    public void threads(int threads) {
        try {
            setThreads.invokeExact(threads);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public String config() {
        return text(getConfig);
    }

    @Override
    public String core() {
        return text(getCore);
    }

    @SuppressWarnings("restricted")
    private static String text(MethodHandle call) {
        try {
            return ((MemorySegment) call.invokeExact())
                    .reinterpret(Long.MAX_VALUE)
                    .getString(0);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void multiply(Work.Gemm work, MemorySegment x, MemorySegment w, MemorySegment y) {
        try {
            sgemm.invokeExact(
                    ROW_MAJOR,
                    work.isLeftTransposed() ? TRANS : NO_TRANS,
                    work.isRightTransposed() ? TRANS : NO_TRANS,
                    work.m(),
                    work.n(),
                    work.k(),
                    1f,
                    x,
                    work.leftStride(),
                    w,
                    work.rightStride(),
                    0f,
                    y,
                    work.n());
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
