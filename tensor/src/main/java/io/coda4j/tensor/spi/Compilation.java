package io.coda4j.tensor.spi;

import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/** What came of compiling a program ahead of time. */
public sealed interface Compilation {
    /** The compiler's name and version. */
    String compiler();

    /** How long it took. */
    double seconds();

    /**
     * A program that its devices can run.
     *
     * @param memory bytes on each device
     * @param peak the most bytes that are in use on a device at one time, if the compiler says
     * @param deviceBytes the bytes of a device that programs can use, if the compiler says
     * @param flops what the compiler counts for one device, if it does; it counts the body of a loop once
     * @param bytesAccessed the same for bytes read and written
     * @param collectives by operation
     */
    record Compiled(
            String compiler,
            double seconds,
            MemoryReport memory,
            OptionalLong peak,
            OptionalLong deviceBytes,
            OptionalDouble flops,
            OptionalDouble bytesAccessed,
            List<Collective> collectives)
            implements Compilation {
        /** With an immutable copy of the list. */
        public Compiled {
            collectives = List.copyOf(collectives);
        }
    }

    /**
     * A program that needs more memory than a device has.
     *
     * @param needed bytes, if the compiler says
     * @param deviceBytes the bytes of a device that programs can use, if the compiler says
     * @param message the compiler's own
     */
    record TooLarge(String compiler, double seconds, OptionalLong needed, OptionalLong deviceBytes, String message)
            implements Compilation {}
}
