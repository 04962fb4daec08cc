package io.coda4j.nn.safetensors;

import java.nio.file.Path;
import java.util.Arrays;

/**
 * Where one tensor lies.
 *
 * @param shape dimensions, empty for a scalar
 * @param file the file that holds the tensor
 * @param offset first byte of the tensor, counted from the start of {@code file}
 * @param byteSize length in bytes: the product of {@code shape} times the element size
 */
public record Entry(String name, StoredType type, long[] shape, Path file, long offset, long byteSize) {
    public Entry {
        shape = shape.clone();
    }

    @Override
    public long[] shape() {
        return shape.clone();
    }

    public long elementCount() {
        return byteSize / type.byteSize();
    }

    @Override
    public String toString() {
        return name + " " + type + Arrays.toString(shape);
    }
}
