package io.coda4j.coder.parity;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.spi.Device;

/** Host numbers as operands on the device under test. */
final class Operands {
    private Operands() {}

    static Array ints(Device device, int[] values, int... shape) {
        return Array.of(Shape.of(shape), values).to(device);
    }

    static Array floats(Device device, float[] values, int... shape) {
        return Array.of(Shape.of(shape), values).to(device);
    }
}
