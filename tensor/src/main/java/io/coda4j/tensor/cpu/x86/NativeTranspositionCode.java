package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** The routine of {@link Transposition} in executable memory; it may be given arrays: the collector waits for its end. */
final class NativeTranspositionCode implements TranspositionCode {
    /** (routine, the arguments of {@link TranspositionCode#run}). */
    private static final MethodHandle CALL = call();

    private final MemorySegment routine;

    @SuppressWarnings("restricted")
    NativeTranspositionCode(long address) {
        routine = MemorySegment.ofAddress(address);
    }

    @SuppressWarnings("restricted")
    private static MethodHandle call() {
        var memory = ValueLayout.ADDRESS;
        var number = ValueLayout.JAVA_LONG;
        var type = FunctionDescriptor.ofVoid(memory, memory, number, number, number, number, number);
        return Linker.nativeLinker().downcallHandle(type, Linker.Option.critical(true));
    }

    @Override
    public void run(
            MemorySegment from, MemorySegment to, long fromAt, long stride, long toAt, long toStride, long blocks) {
        try {
            CALL.invokeExact(routine, from, to, fromAt, stride, toAt, toStride, blocks);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
