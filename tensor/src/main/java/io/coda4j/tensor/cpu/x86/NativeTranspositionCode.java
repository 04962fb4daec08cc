package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;

/** Routines of {@link Transposition} in executable memory, which may be given arrays: the collector waits for their end. */
final class NativeTranspositionCode implements TranspositionCode {
    /** (routine, the arguments of {@link TranspositionCode#run} from {@code from} on). */
    private static final MethodHandle CALL = call();

    private final MemorySegment[] routines;

    NativeTranspositionCode(long[] addresses) {
        routines = Arrays.stream(addresses).mapToObj(MemorySegment::ofAddress).toArray(MemorySegment[]::new);
    }

    @SuppressWarnings("restricted")
    private static MethodHandle call() {
        var memory = ValueLayout.ADDRESS;
        var number = ValueLayout.JAVA_LONG;
        var type = FunctionDescriptor.ofVoid(memory, memory, number, number, number, number, number, number);
        return Linker.nativeLinker().downcallHandle(type, Linker.Option.critical(true));
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
