package io.coda4j.tensor.opencl;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Primitive.ReduceOp;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.testing.Comparison;
import io.coda4j.tensor.testing.OpTable;
import io.coda4j.tensor.testing.Tolerance;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Kernels of which processors and GPUs have one each, at sizes where they differ, on whatever device there is. */
class ClVariantsTest {
    private static final List<ClDevice> DEVICES = new ArrayList<>();

    @AfterAll
    static void close() {
        DEVICES.forEach(ClDevice::close);
        DEVICES.clear();
    }

    /** A device with the kernels for GPUs, or with those for processors. */
    private static ClDevice device(boolean forGpu) {
        var options = ClDevice.Options.in(ClTestDevice.BINARIES);
        var tuning = new ClTuning(new ClTile(32, 32, 8), 96);
        var device = ClTestDevice.open(forGpu ? options.forGpus(tuning) : options);
        DEVICES.add(device);
        return device;
    }

    private static Array numbers(TensorType type, long seed) {
        var random = new Random(seed);
        return Array.of(
                type,
                random.doubles(type.size(), -1, 1)
                        .map(x -> type.dtype() == DType.I32 ? Math.rint(x * 1000) : x)
                        .toArray());
    }

    private static void check(ClDevice device, Primitive prim, List<Array> in, int terms) {
        List<Tensor> operands = List.copyOf(in);
        var expected = new Eager(OpTable.reference()).apply(prim, operands);
        var got = new Eager(device).apply(prim, operands);
        for (int k = 0; k < got.size(); k++) {
            var result = (Array) expected.get(k);
            Comparison.check(
                    prim + " " + in.getFirst().type() + " result " + k,
                    result,
                    (Array) got.get(k),
                    Tolerance.of(result.dtype(), terms));
        }
    }

    /** Additions in the order of the updates give these very bits, and a search for each update would take minutes. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    @Timeout(60)
    void manyUpdatesAreAddedInTheirOrder(boolean forGpu) {
        try (var _ = Scope.open()) {
            var device = device(forGpu);
            int n = 300_000;
            scatter(device, n, 1000, i -> (int) ((i * 7919L + i / 13) % 1000));
            scatter(device, n, 3, i -> i % 5 - 1);
            scatter(device, 100_000, 2, _ -> 1);
            scatter(device, n, n, i -> n - 1 - i);
            scatter(device, 1, 1, _ -> 0);
            scatter(device, 0, 4, _ -> 0);
        }
    }

    private static void scatter(ClDevice device, int n, int rows, IntUnaryOperator id) {
        int width = 2;
        var ids = IntStream.range(0, n).map(id).toArray();
        var updates = numbers(TensorType.f32(n, width), 3);
        var values = updates.toFloats();
        var expected = new float[rows * width];
        for (int i = 0; i < n; i++) {
            for (int c = 0; c < width && ids[i] >= 0 && ids[i] < rows; c++) {
                expected[ids[i] * width + c] += values[i * width + c];
            }
        }
        var got = new Eager(device)
                .apply(new Primitive.ScatterAddRows(rows), List.of(Array.of(Shape.of(n), ids), updates));
        assertArrayEquals(expected, ((Array) got.getFirst()).toFloats(), 0f, () -> n + " updates of " + rows + " rows");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void longRowsAreReduced(boolean forGpu) {
        try (var _ = Scope.open()) {
            var device = device(forGpu);
            for (var dtype : List.of(DType.F32, DType.BF16, DType.I32)) {
                for (int[] dims : new int[][] {{3, 5000}, {300, 129}, {2, 3, 128}}) {
                    var x = numbers(TensorType.of(dtype, dims), 5);
                    int last = dims.length - 1;
                    for (var op : ReduceOp.values()) {
                        check(device, new Primitive.Reduce(op, List.of(last)), List.of(x), dims[last]);
                    }
                    check(device, new Primitive.ArgMax(last), List.of(x), 0);
                }
            }
        }
    }

    /** NaN, ties, infinities and zeros of both signs at every place of a team. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatIsSpecialInARowIsFoundAnywhere(boolean forGpu) {
        try (var _ = Scope.open()) {
            var device = device(forGpu);
            int width = 300;
            for (float special : new float[] {Float.NaN, 7, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, -0f}) {
                var values = new float[width * width];
                Arrays.fill(values, special == 0 ? 0f : -1f);
                for (int row = 0; row < width; row++) {
                    values[row * width + row] = special;
                    values[row * width + (row * 31 + 5) % width] = special;
                }
                var x = Array.of(Shape.of(width, width), values);
                check(device, new Primitive.ArgMax(1), List.of(x), 0);
                check(device, new Primitive.Reduce(ReduceOp.MAX, List.of(1)), List.of(x), 0);
                check(device, new Primitive.Reduce(ReduceOp.MIN, List.of(1)), List.of(x), 0);
            }
        }
    }

    /** Local memory for the larger tile, for the smaller one, and for none; several tiles of queries and keys. */
    @ParameterizedTest
    @ValueSource(longs = {48 << 10, 24 << 10, 4 << 10})
    void attentionInTilesIsThatOfTheReference(long localMemory) {
        try (var _ = Scope.open();
                var device = ClTestDevice.openForGpus(localMemory)) {
            for (var dtype : List.of(DType.F32, DType.BF16)) {
                for (var mask : AttentionMask.values()) {
                    attention(device, dtype, mask, 40);
                }
            }
        }
    }

    private static void attention(ClDevice device, DType dtype, AttentionMask mask, int size) {
        int times = 37;
        int keys = 70;
        var in = new ArrayList<>(List.of(
                numbers(TensorType.of(dtype, 2, times, 4, size), 1),
                numbers(TensorType.of(dtype, 2, keys, 2, size), 2),
                numbers(TensorType.of(dtype, 2, keys, 2, size), 3),
                segments(2, times),
                segments(2, keys),
                Array.scalar(keys - times)));
        var forward = new Primitive.Attention(0.2, mask);
        int terms = 2 * Math.max(size, keys);
        check(device, forward, in, terms);
        var results = new Eager(OpTable.reference()).apply(forward, List.copyOf(in));
        in.add((Array) results.get(0));
        in.add((Array) results.get(1));
        in.add(numbers(TensorType.of(dtype, 2, times, 4, size), 4));
        check(device, new Primitive.AttentionGrad(0.2, mask), in, terms * 2 * times);
    }

    /** The last fifth of every row is a segment of its own. */
    private static Array segments(int rows, int length) {
        var ids = IntStream.range(0, rows * length)
                .map(i -> i % length >= length * 4 / 5 ? 1 : 0)
                .toArray();
        assertEquals(rows * length, ids.length);
        return Array.of(Shape.of(rows, length), ids);
    }
}
