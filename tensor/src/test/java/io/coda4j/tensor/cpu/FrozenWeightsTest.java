package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class FrozenWeightsTest {
    private static final int ROWS = 9;
    private static final int COLUMNS = 70;
    private static final int DEPTH = 300;

    public record Input(Tensor x, Tensor weight) {}

    private static Array array(int rows, int columns, int seed, CpuDevice device) {
        float[] values = new float[rows * columns];
        IntStream.range(0, values.length).forEach(i -> values[i] = (i * 31 + seed) % 17 - 8);
        return Array.of(Shape.of(rows, columns), values).to(device);
    }

    private static Compiled<Input, Tensor> linear(CpuDevice device) {
        return Compiled.of("linear", (Input in) -> in.x.linear(in.weight), device);
    }

    private static float[] floats(Tensor tensor) {
        return ((Array) tensor).toFloats();
    }

    private static PackedWeights packed(Array array) {
        return CpuBuffer.of(array.buffer()).packed();
    }

    @Test
    void programsShareThePanelsOfAWeight() {
        try (var device = CpuDevice.withThreads(2);
                var plain = linear(device);
                var one = linear(device).freezing("weight");
                var other = linear(device).freezing("weight")) {
            var weight = array(COLUMNS, DEPTH, 1, device);
            var few = array(ROWS, DEPTH, 2, device);
            var many = array(3 * ROWS, DEPTH, 3, device);
            // Sums of small integers are exact in any order.
            assertArrayEquals(floats(plain.apply(new Input(few, weight))), floats(one.apply(new Input(few, weight))));
            var panels = packed(weight);
            assertNotNull(panels);
            assertArrayEquals(
                    floats(plain.apply(new Input(many, weight))), floats(other.apply(new Input(many, weight))));
            assertSame(panels, packed(weight));
            weight.close();
        }
    }

    /** A product of many rows may be the only one: it takes the weight as it lies, and the next one gives the same bits by panels. */
    @ParameterizedTest
    @CsvSource({"F32,1", "F32,3", "BF16,1", "BF16,3"})
    void manyRowsMakePanelsAtTheSecondUse(DType dtype, int threads) {
        int rows = 2 * MatmulWorkspace.MAX_ROWS + 3;
        var random = new Random(7);
        double[] values = random.doubles((long) COLUMNS * DEPTH, -1, 1).toArray();
        float[] left = new float[rows * DEPTH];
        IntStream.range(0, left.length).forEach(i -> left[i] = random.nextFloat() - 0.5f);
        try (var device = CpuDevice.withThreads(threads);
                var frozen = linear(device).freezing("weight")) {
            var weight = Array.of(new TensorType(dtype, Shape.of(COLUMNS, DEPTH)), values)
                    .to(device);
            var x = Array.of(Shape.of(rows, DEPTH), left).to(device);
            float[] first = floats(frozen.apply(new Input(x, weight)));
            assertNull(packed(weight));
            float[] second = floats(frozen.apply(new Input(x, weight)));
            assertNotNull(packed(weight));
            assertArrayEquals(second, first);
        }
    }

    /** Panels of F16 are as large as the weight, padded to whole panels, and lose none of its bits. */
    @ParameterizedTest
    @ValueSource(ints = {1, ROWS, 300})
    void halvesStayHalves(int rows) {
        var halves = new TensorType(DType.F16, Shape.of(COLUMNS, DEPTH));
        // One bit more than BF16 has; sums of a few such numbers are exact in F32 in any order.
        var values = IntStream.range(0, COLUMNS * DEPTH)
                .mapToDouble(i -> i % 31 == 0 ? (i % 2 * 2 - 1) * (1 + 0x1p-10) : 0)
                .toArray();
        try (var device = CpuDevice.withThreads(2);
                var plain = linear(device);
                var frozen = linear(device).freezing("weight")) {
            var weight = Array.of(halves, values).to(device);
            var wide =
                    Array.of(new TensorType(DType.F32, halves.shape()), values).to(device);
            var x = array(rows, DEPTH, 2, device);
            var expected = floats(plain.apply(new Input(x, wide)));
            assertArrayEquals(expected, floats(frozen.apply(new Input(x, weight))));
            var panels = packed(weight);
            assertNotNull(panels);
            int whole = MatmulBlocks.roundUp(COLUMNS, MicroKernel.NR);
            assertEquals(2L * whole * DEPTH, panels.buffer().byteSize());
            // Rows of F16 give results of F16.
            var narrow = (Array) new Eager(device).run(() -> x.convert(DType.F16));
            for (int i = 0; i < expected.length; i++) {
                expected[i] = Float.float16ToFloat(Float.floatToFloat16(expected[i]));
            }
            assertArrayEquals(expected, floats(frozen.apply(new Input(narrow, weight))));
            assertArrayEquals(expected, floats(plain.apply(new Input(narrow, weight))));
            weight.close();
        }
    }

    @Test
    void panelsEndWhenTheStorageGetsAnotherValue() {
        Function<Tensor, Tensor> doubled = x -> x.add(x);
        try (var device = CpuDevice.withThreads(1);
                var plain = linear(device);
                var before = linear(device).freezing("weight");
                var change = Compiled.of("doubled", doubled, device).donating("**");
                var after = linear(device).freezing("weight")) {
            var x = array(ROWS, DEPTH, 2, device);
            var weight = array(COLUMNS, DEPTH, 1, device);
            before.apply(new Input(x, weight));
            var buffer = weight.buffer();
            var changed = (Array) change.apply(weight);
            assertSame(buffer, changed.buffer());
            assertNull(packed(changed));
            assertArrayEquals(floats(plain.apply(new Input(x, changed))), floats(after.apply(new Input(x, changed))));
        }
    }

    @Test
    void aWeightReadInTwoShapesKeepsThePanelsOfTheFirst() {
        Function<Input, Tensor> reshaped =
                in -> in.x.reshape(2 * ROWS, DEPTH / 2).linear(in.weight.reshape(2 * COLUMNS, DEPTH / 2));
        try (var device = CpuDevice.withThreads(1);
                var plain = Compiled.of("reshaped", reshaped, device);
                var one = linear(device).freezing("weight");
                var other = Compiled.of("reshaped", reshaped, device).freezing("weight")) {
            var x = array(ROWS, DEPTH, 2, device);
            var weight = array(COLUMNS, DEPTH, 1, device);
            one.apply(new Input(x, weight));
            var panels = packed(weight);
            assertArrayEquals(floats(plain.apply(new Input(x, weight))), floats(other.apply(new Input(x, weight))));
            assertSame(panels, packed(weight));
        }
    }
}
