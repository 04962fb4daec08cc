package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import java.util.Collections;
import java.util.stream.Stream;

/** How routines in executable memory are called. */
final class NativeRoutines {
    private NativeRoutines() {}

    /**
     * A call of (routine, {@code memories} segments, {@code numbers} numbers of 64 bits). Segments may be arrays: then the collector
     * waits for its end.
     */
    @SuppressWarnings("restricted")
    static MethodHandle call(int memories, int numbers) {
        var arguments = Stream.concat(
                        Collections.nCopies(memories, ValueLayout.ADDRESS).stream(),
                        Collections.nCopies(numbers, ValueLayout.JAVA_LONG).stream())
                .toArray(MemoryLayout[]::new);
        return Linker.nativeLinker()
                .downcallHandle(FunctionDescriptor.ofVoid(arguments), Linker.Option.critical(memories > 0));
    }

    /**
     * Requires of memory that a call is given as an address that it is there and that this thread may use it, as an access at byte
     * {@code at} does; whoever calls sees to it that it stays. Of segments the call itself requires it.
     */
    static void requireOpen(MemorySegment memory, long at) {
        memory.get(ValueLayout.JAVA_BYTE, at);
    }

    /** Requires that {@code memory} may be written to: a routine would try, and a mapped file end the process. */
    static void requireWritable(MemorySegment memory) {
        if (memory.isReadOnly()) {
            throw new IllegalArgumentException("memory that may be written to expected, got " + memory);
        }
    }

    /** The routines at {@code addresses}, as a call expects them. */
    static MemorySegment[] at(long[] addresses) {
        return Arrays.stream(addresses).mapToObj(MemorySegment::ofAddress).toArray(MemorySegment[]::new);
    }
}
