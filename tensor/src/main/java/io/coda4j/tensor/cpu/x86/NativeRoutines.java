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

    /** The routines at {@code addresses}, as a call expects them. */
    static MemorySegment[] at(long[] addresses) {
        return Arrays.stream(addresses).mapToObj(MemorySegment::ofAddress).toArray(MemorySegment[]::new);
    }
}
