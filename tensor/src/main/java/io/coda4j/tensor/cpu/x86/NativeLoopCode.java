package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** A routine of {@link VectorLoop} in executable memory. */
final class NativeLoopCode implements LoopCode {
    /** (routine, memories, rows, vectors, constants, gap). */
    private static final MethodHandle CALL = NativeRoutines.call(0, 5);

    /** Calls of routines on arrays, linked when the first is called. */
    private static final class OnArrays {
        /** (routine, first, second, memories, rows, vectors, constants, gap). */
        static final MethodHandle CALL = NativeRoutines.call(2, 5);

        private OnArrays() {}
    }

    private final MemorySegment routine;

    NativeLoopCode(long address) {
        routine = MemorySegment.ofAddress(address);
    }

    @Override
    public void run(long memories, long rows, long vectors, long constants, long gap) {
        try {
            CALL.invokeExact(routine, memories, rows, vectors, constants, gap);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void run(
            MemorySegment first,
            MemorySegment second,
            long memories,
            long rows,
            long vectors,
            long constants,
            long gap) {
        try {
            OnArrays.CALL.invokeExact(routine, first, second, memories, rows, vectors, constants, gap);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
