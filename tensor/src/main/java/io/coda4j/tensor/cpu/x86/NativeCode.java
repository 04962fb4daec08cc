package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Routines in executable memory. */
final class NativeCode implements PanelCode {
    /** (routine, the arguments of {@link PanelCode#run} from {@code a} on). */
    private static final MethodHandle CALL = NativeRoutines.call(0, 9);

    private final MemorySegment[] routines;

    /** {@code addresses}: number r - 1 is the routine for blocks of r rows. */
    NativeCode(long[] addresses) {
        routines = NativeRoutines.at(addresses);
    }

    @Override
    public void run(
            int tall,
            long a,
            long aStride,
            long panel,
            long c,
            long cStride,
            long steps,
            long add,
            long configuration,
            long blocks) {
        try {
            CALL.invokeExact(routines[tall - 1], a, aStride, panel, c, cStride, steps, add, configuration, blocks);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
