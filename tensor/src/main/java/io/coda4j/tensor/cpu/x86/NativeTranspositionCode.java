package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Routines of {@link Transposition} in executable memory, which may be given arrays: the collector waits for their end. */
final class NativeTranspositionCode implements TranspositionCode {
    /** (routine, the arguments of {@link TranspositionCode#run} from {@code from} on). */
    private static final MethodHandle CALL = NativeRoutines.call(2, 6);

    private final MemorySegment[] routines;

    NativeTranspositionCode(long[] addresses) {
        routines = NativeRoutines.at(addresses);
    }

    @Override
    public void run(
            int routine,
            MemorySegment from,
            MemorySegment to,
            long fromAt,
            long stride,
            long toAt,
            long toStride,
            long blocks,
            long pair) {
        try {
            CALL.invokeExact(routines[routine], from, to, fromAt, stride, toAt, toStride, blocks, pair);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
