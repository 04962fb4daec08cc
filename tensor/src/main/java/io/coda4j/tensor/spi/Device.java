package io.coda4j.tensor.spi;

import io.coda4j.tensor.Program;
import io.coda4j.tensor.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.OptionalInt;

/** Something that runs programs. Its one essential verb is {@link #compile}. */
public interface Device extends AutoCloseable {
    /** The name under which the device is selected, such as {@code cpu} or {@code opencl:0}. */
    String name();

    /** A line about the hardware for people: model, cores, vector width, memory. */
    String description();

    /** The parts of the hardware that matter and the kernels that there are, used or with the reason why not. */
    default List<Trait> traits() {
        return List.of();
    }

    /** Whether a product of two BF16 operands is computed much faster than one in which an operand is F32. */
    default boolean hasFastBf16() {
        return false;
    }

    /**
     * The number of rows from which on rows may be computed together or in parts with the same result, bit for bit: in
     * products with frozen matrices, normalisations and elementwise operations. Empty where nothing is known.
     */
    default OptionalInt independentRows() {
        return OptionalInt.empty();
    }

    /**
     * Prepares a program to be run many times.
     *
     * @throws io.coda4j.tensor.DeviceException if the device cannot run it
     */
    Executable compile(Program program, Layout layout);

    /** Copies a dense row-major value from host memory to the device. */
    Buffer upload(TensorType type, MemorySegment host);

    /**
     * Storage for a dense row-major value that nobody changes and whose memory lasts while {@code host} is reachable, such as
     * part of a mapped file. A device that can read it in place makes no copy.
     */
    default Buffer share(TensorType type, MemorySegment host) {
        return upload(type, host);
    }

    /** Releases everything the device holds. */
    @Override
    void close();
}
