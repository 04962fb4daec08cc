package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Routines of {@link BlockCopy} in executable memory, which may be given arrays: the collector waits for their end. */
final class NativeBlockCopyCode implements BlockCopyCode {
    /** (routine, the arguments of {@link BlockCopyCode#run} from {@code from} on). */
    private static final MethodHandle CALL = NativeRoutines.call(2, 7);

    private final MemorySegment[] routines;

    NativeBlockCopyCode(long[] addresses) {
        routines = NativeRoutines.at(addresses);
    }

    @Override
    public void run(
            int routine,
            MemorySegment from,
            MemorySegment to,
            long fromAt,
            long fromRow,
            long toAt,
            long toRow,
            long toBlock,
            long blocks,
            long rows) {
        try {
            CALL.invokeExact(routines[routine], from, to, fromAt, fromRow, toAt, toRow, toBlock, blocks, rows);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
