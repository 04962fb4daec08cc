package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** A routine of {@link VectorLoop} in executable memory. */
final class NativeLoopCode implements LoopCode {
    /** (routine, the arguments of {@link LoopCode#run}). */
    private static final MethodHandle CALL = NativeRoutines.call(0, 4);

    private final MemorySegment routine;

    NativeLoopCode(long address) {
        routine = MemorySegment.ofAddress(address);
    }

    @Override
    public void run(long memories, long rows, long vectors, long constants) {
        try {
            CALL.invokeExact(routine, memories, rows, vectors, constants);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
