package io.coda4j.coder.parity;

import io.coda4j.nn.safetensors.Safetensors;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Device;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;

/** A safetensors file of recorded numbers; every shape that a case relies on is checked when it is read. */
final class RecordedTensors implements AutoCloseable {
    private final Path file;
    private final Safetensors tensors;

    private RecordedTensors(Path file) {
        this.file = file;
        this.tensors = Safetensors.open(file);
    }

    static RecordedTensors open(Path file) {
        return new RecordedTensors(file);
    }

    Set<String> names() {
        return tensors.entries().keySet();
    }

    boolean contains(String name) {
        return tensors.contains(name);
    }

    Values values(String name) {
        return new Values(tensors.entry(name).shape(), tensors.doubles(name));
    }

    /** The dimensions of a tensor that must have {@code rank} axes and no empty one. */
    int[] shape(String name, int rank) {
        var shape = tensors.entry(name).shape();
        boolean fits = shape.length == rank && Arrays.stream(shape).allMatch(dim -> dim > 0 && dim < Integer.MAX_VALUE);
        if (!fits) {
            throw new ParityException(file + ": tensor \"" + name + "\" should have " + rank
                    + " axes and no empty one, its shape is " + Arrays.toString(shape));
        }
        return Arrays.stream(shape).mapToInt(dim -> (int) dim).toArray();
    }

    /** Requires that {@code name} has this shape. */
    private void requireShape(String name, int... shape) {
        var stored = tensors.entry(name).shape();
        if (!Arrays.equals(stored, Arrays.stream(shape).asLongStream().toArray())) {
            throw new ParityException(file + ": tensor \"" + name + "\" should have shape " + Arrays.toString(shape)
                    + ", it has " + Arrays.toString(stored));
        }
    }

    /** The whole numbers of a tensor of this shape. */
    int[] ints(String name, int... shape) {
        requireShape(name, shape);
        return tensors.ints(name);
    }

    /** The whole numbers of a tensor of any shape. */
    int[] anyInts(String name) {
        return tensors.ints(name);
    }

    /** The token ids of a tensor of this shape, each below {@code vocabulary}. */
    int[] tokens(String name, int vocabulary, int... shape) {
        var tokens = ints(name, shape);
        requireTokens(file + ": tensor \"" + name + "\"", vocabulary, tokens);
        return tokens;
    }

    /** Requires that every token is in {@code 0..vocabulary-1}. */
    static void requireTokens(String where, int vocabulary, int... tokens) {
        for (int i = 0; i < tokens.length; i++) {
            if (tokens[i] < 0 || tokens[i] >= vocabulary) {
                throw new ParityException(
                        where + ": element " + i + " is " + tokens[i] + ", outside the vocabulary of " + vocabulary);
            }
        }
    }

    /** The numbers of a tensor of this shape. */
    float[] floats(String name, int... shape) {
        requireShape(name, shape);
        return tensors.floats(name);
    }

    /** The numbers of a tensor of any shape. */
    float[] anyFloats(String name) {
        return tensors.floats(name);
    }

    /** A copy on {@code device} of a tensor that must have the shape of {@code type}, widened to F32. */
    Array array(String name, TensorType type, Device device) {
        requireShape(name, type.shape().dims());
        return upload(type, tensors.floats(name), device);
    }

    /** A copy on {@code device} of a tensor of any shape, widened to F32. */
    Array array(String name, Device device) {
        var dims = Arrays.stream(tensors.entry(name).shape())
                .mapToInt(Math::toIntExact)
                .toArray();
        return upload(new TensorType(DType.F32, Shape.of(dims)), tensors.floats(name), device);
    }

    private static Array upload(TensorType type, float[] values, Device device) {
        try (var arena = Arena.ofConfined()) {
            var host = arena.allocate(Math.max(1, type.byteSize()), 64);
            for (int i = 0; i < values.length; i++) {
                host.setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i]);
            }
            return Array.copyOf(type, host, device);
        }
    }

    Path file() {
        return file;
    }

    @Override
    public void close() {
        tensors.close();
    }
}
