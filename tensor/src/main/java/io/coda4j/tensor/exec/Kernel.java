package io.coda4j.tensor.exec;

import io.coda4j.tensor.spi.Buffer;

/**
 * One primitive bound to fixed types on one device.
 *
 * <p>A kernel overwrites its results completely. It may keep scratch storage of its own but no state that changes
 * results, and the executor never runs one kernel object twice at the same time. Where {@link InPlace} allows it, a
 * result may be the very storage of an operand.
 */
@FunctionalInterface
public interface Kernel {
    /** Computes the results from the operands, in the order of the primitive's rule. */
    void run(Buffer[] in, Buffer[] out);
}
