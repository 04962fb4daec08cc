package io.coda4j.tensor.spi;

import io.coda4j.tensor.Program;
import io.coda4j.tensor.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * Something that runs programs. Its one essential verb is {@link #compile}.
 *
 * <p>Several devices that run each program together are one {@code Device} with a {@link #mesh}, and a value on them is one
 * {@link Buffer}, whatever parts of it each of them holds: so everything that has a device in its hand (training,
 * generation, checkpoints) works on many without knowing it. Only who knows what values mean can say where they should
 * lie, and says so where it compiles, in {@link Layout#placement}; a program that is compiled without takes its arguments
 * as they lie.
 */
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

    /** The mesh of the devices that run each program together, or empty if this is a single device. */
    default Optional<Mesh> mesh() {
        return Optional.empty();
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

    /** Copies a dense row-major value from host memory to the device; whole to each of a mesh. */
    Buffer upload(TensorType type, MemorySegment host);

    /**
     * Copies a dense row-major value from host memory to the device, to each of a mesh only its part: a value that is to
     * be split may be too large for one of them. A device without a mesh takes it whole.
     *
     * @param split see {@link Mesh}
     * @throws IllegalArgumentException if the mesh cannot split it so into equal parts
     */
    default Buffer upload(TensorType type, MemorySegment host, List<String> split) {
        return upload(type, host);
    }

    /**
     * Storage for a dense row-major value that nobody changes and whose memory lasts while {@code host} is reachable, such as
     * part of a mapped file. A device that can read it in place makes no copy.
     */
    default Buffer share(TensorType type, MemorySegment host) {
        return upload(type, host);
    }

    /** Releases everything the device holds: its arrays have no value any more, and its programs do not run. */
    @Override
    void close();
}
