package io.coda4j.tensor;

import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Devices;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * A tensor with a value, dense and row-major, on a device.
 *
 * <p>The storage returns to the device's pool when the array is closed, when the {@link Scope} in which it was created
 * ends, when a program consumes it as a donated argument, or at the latest when the garbage collector finds it.
 * Compared by identity.
 */
public final class Array implements Tensor, AutoCloseable {
    private final TensorType type;
    private final Buffer buffer;

    /** Why there is no value any more: a reason, or the name of the parameter that took it. */
    private @Nullable String gone;

    private boolean isDonated;

    /** An array over storage that it then owns; registers with the innermost open {@link Scope}. */
    public Array(TensorType type, Buffer buffer) {
        this.type = type;
        this.buffer = buffer;
        Scope.register(this);
    }

    @Override
    public TensorType type() {
        return type;
    }

    /**
     * The storage.
     *
     * @throws IllegalStateException if the array was closed or consumed
     */
    public Buffer buffer() {
        if (gone != null) {
            throw new IllegalStateException("array " + type + " has no value any more: "
                    + (isDonated
                            ? "it was donated to a program as " + gone + "; use the program's result instead"
                            : gone));
        }
        return buffer;
    }

    /** The device that holds the value. */
    public Device device() {
        return buffer.device();
    }

    /** Returns the storage to its device; later use fails. */
    @Override
    public void close() {
        release("it was closed");
    }

    void release(String reason) {
        if (gone == null) {
            gone = reason;
            buffer.close();
        }
    }

    /** Marks the value as taken over by a program that received it as donated argument {@code parameter}. */
    public Buffer donate(String parameter) {
        var taken = buffer();
        gone = parameter;
        isDonated = true;
        return taken;
    }

    /** This array, or a copy of it on {@code target} if it lives elsewhere. */
    public Array to(Device target) {
        return device() == target ? this : copied(host -> target.upload(type, host));
    }

    /** This array, or a copy of it on {@code target}, split as {@code split} says, if it lives elsewhere. */
    public Array to(Device target, List<String> split) {
        return device() == target ? this : copied(host -> target.upload(type, host, split));
    }

    private Array copied(Function<MemorySegment, Buffer> upload) {
        return download(host -> new Array(type, upload.apply(host)));
    }

    private static Array upload(TensorType type, Consumer<MemorySegment> fill) {
        try (var arena = Arena.ofConfined()) {
            var host = arena.allocate(Math.max(1, type.byteSize()), 64);
            fill.accept(host);
            return new Array(type, Devices.defaultDevice().upload(type, host));
        }
    }

    private static void requireCount(TensorType type, long count) {
        if (type.size() != count) {
            throw new ShapeException("array of " + type + " needs " + type.size() + " elements, got " + count);
        }
    }

    /** An F32 array on the default device. */
    public static Array of(Shape shape, float... values) {
        var type = new TensorType(DType.F32, shape);
        requireCount(type, values.length);
        return upload(type, host -> MemorySegment.copy(values, 0, host, ValueLayout.JAVA_FLOAT, 0, values.length));
    }

    /** An I32 array on the default device. */
    public static Array of(Shape shape, int... values) {
        var type = new TensorType(DType.I32, shape);
        requireCount(type, values.length);
        return upload(type, host -> MemorySegment.copy(values, 0, host, ValueLayout.JAVA_INT, 0, values.length));
    }

    /** An array of {@code type} on the default device, each value converted to its element type. */
    public static Array of(TensorType type, double... values) {
        requireCount(type, values.length);
        return upload(type, host -> {
            for (int i = 0; i < values.length; i++) {
                Elements.set(host, type.dtype(), i, values[i]);
            }
        });
    }

    /** An F32 scalar on the default device. */
    public static Array scalar(float value) {
        return of(Shape.of(), value);
    }

    /** An I32 scalar on the default device. */
    public static Array scalar(int value) {
        return of(Shape.of(), value);
    }

    /** An array of {@code type} on {@code device} copied from dense row-major host memory. */
    public static Array copyOf(TensorType type, MemorySegment host, Device device) {
        requireBytes(type, host);
        return new Array(type, device.upload(type, host));
    }

    /**
     * An array of {@code type} on {@code device} whose value is dense row-major host memory that nobody changes and that
     * lasts while {@code host} is reachable; copied only where the device cannot read it in place. Not to be donated.
     */
    public static Array over(TensorType type, MemorySegment host, Device device) {
        requireBytes(type, host);
        return new Array(type, device.share(type, host));
    }

    private static void requireBytes(TensorType type, MemorySegment host) {
        if (host.byteSize() < type.byteSize()) {
            throw new ShapeException(
                    "array of " + type + " needs " + type.byteSize() + " bytes, got " + host.byteSize());
        }
    }

    private <R> R download(Function<MemorySegment, R> read) {
        try (var arena = Arena.ofConfined()) {
            var host = arena.allocate(Math.max(1, type.byteSize()), 64);
            buffer().download(host);
            return read.apply(host);
        }
    }

    /** A copy of all values as floats, converted if the element type differs. */
    public float[] toFloats() {
        var values = new float[length()];
        return download(host -> {
            if (type.dtype() == DType.F32) {
                MemorySegment.copy(host, ValueLayout.JAVA_FLOAT, 0, values, 0, values.length);
            } else {
                for (int i = 0; i < values.length; i++) {
                    values[i] = (float) Elements.get(host, type.dtype(), i);
                }
            }
            return values;
        });
    }

    /** A copy of all values as doubles; exact for every element type. */
    public double[] toDoubles() {
        var values = new double[length()];
        return download(host -> {
            for (int i = 0; i < values.length; i++) {
                values[i] = Elements.get(host, type.dtype(), i);
            }
            return values;
        });
    }

    /** A copy of all values of an I32 or BOOL array as ints. */
    public int[] toInts() {
        var values = new int[length()];
        return download(host -> {
            for (int i = 0; i < values.length; i++) {
                values[i] = (int) Elements.get(host, type.dtype(), i);
            }
            return values;
        });
    }

    /** The number of elements, for a Java array of them. */
    private int length() {
        if (type.size() > Integer.MAX_VALUE) {
            throw new ShapeException(type + " has " + type.size()
                    + " elements, more than a Java array holds; slice it, or download its buffer to native memory");
        }
        return (int) type.size();
    }

    /** The only element, as a double. */
    public double item() {
        if (type.size() != 1) {
            throw new ShapeException("item() needs exactly one element, " + type + " has " + type.size());
        }
        return toDoubles()[0];
    }

    @Override
    public String toString() {
        return "array " + type;
    }
}
