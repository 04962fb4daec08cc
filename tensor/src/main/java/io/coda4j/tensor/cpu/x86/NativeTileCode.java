package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;

/** Routines of {@link TileProduct} in executable memory, which may be given arrays: the collector waits for their end. */
final class NativeTileCode implements TileCode {
    /** (routine, the arguments of {@link TileCode#run} from {@code a} on). */
    private static final MethodHandle CALL = call();

    private final MemorySegment[] routines;

    NativeTileCode(long[] addresses) {
        routines = Arrays.stream(addresses).mapToObj(MemorySegment::ofAddress).toArray(MemorySegment[]::new);
    }

    @SuppressWarnings("restricted")
    private static MethodHandle call() {
        var memory = ValueLayout.ADDRESS;
        var number = ValueLayout.JAVA_LONG;
        var type = FunctionDescriptor.ofVoid(
                memory, memory, number, number, number, number, number, number, number, number, number, number, number,
                number, number);
        return Linker.nativeLinker().downcallHandle(type, Linker.Option.critical(true));
    }

    @Override
    public void run(
            int routine,
            MemorySegment a,
            MemorySegment c,
            long panel,
            long aRow,
            long aDepth,
            long cStride,
            long aAt,
            long cAt,
            long aTile,
            long next,
            long depth,
            long add,
            long scale,
            long tiles,
            long ahead) {
        try {
            CALL.invokeExact(
                    routines[routine],
                    a,
                    c,
                    panel,
                    aRow,
                    aDepth,
                    cStride,
                    aAt,
                    cAt,
                    aTile,
                    next,
                    depth,
                    add,
                    scale,
                    tiles,
                    ahead);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
