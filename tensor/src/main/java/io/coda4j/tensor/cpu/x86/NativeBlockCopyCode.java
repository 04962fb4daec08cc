package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;

/** Routines of {@link BlockCopy} in executable memory, which may be given arrays: the collector waits for their end. */
final class NativeBlockCopyCode implements BlockCopyCode {
    /** (routine, the arguments of {@link BlockCopyCode#run} from {@code from} on). */
    private static final MethodHandle CALL = call();

    private final MemorySegment[] routines;

    NativeBlockCopyCode(long[] addresses) {
        routines = Arrays.stream(addresses).mapToObj(MemorySegment::ofAddress).toArray(MemorySegment[]::new);
    }

    @SuppressWarnings("restricted")
    private static MethodHandle call() {
        var memory = ValueLayout.ADDRESS;
        var number = ValueLayout.JAVA_LONG;
        var type = FunctionDescriptor.ofVoid(memory, memory, number, number, number, number, number, number, number);
        return Linker.nativeLinker().downcallHandle(type, Linker.Option.critical(true));
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
