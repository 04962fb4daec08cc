package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Routines of {@link TileProduct} in executable memory, which may be given arrays: the collector waits for their end. */
final class NativeTileCode implements TileCode {
    /** (routine, the arguments of {@link TileCode#run} from {@code a} on). */
    private static final MethodHandle CALL = NativeRoutines.call(2, 13);

    private final MemorySegment[] routines;

    NativeTileCode(long[] addresses) {
        routines = NativeRoutines.at(addresses);
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
