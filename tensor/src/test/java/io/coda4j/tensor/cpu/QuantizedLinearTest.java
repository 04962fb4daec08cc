package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Decompose;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Primitive.Activations;
import io.coda4j.tensor.Primitive.QuantizedLinear;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.InterpretedCode;
import io.coda4j.tensor.cpu.x86.MachineKernels;
import io.coda4j.tensor.cpu.x86.PanelProduct;
import io.coda4j.tensor.exec.KernelSet;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.testing.OpTable;
import io.coda4j.tensor.testing.Requirement;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Kernels of quantised products against their meaning on the scalar reference, bit for bit. */
class QuantizedLinearTest {
    private static final Set<Integer> FROZEN = Set.of(1, 2);

    /** One product; some rows are zeros, tiny, large, or have whole multiples of a half. */
    private record Case(int rows, int columns, int depth, long seed) {
        List<TensorType> types() {
            return List.of(
                    TensorType.f32(rows, depth), TensorType.of(DType.I8, columns, depth), TensorType.f32(columns));
        }

        float[] activations() {
            var random = new SplittableRandom(seed);
            float[] values = new float[rows * depth];
            for (int i = 0; i < values.length; i++) {
                values[i] = switch ((int) ((i / depth + seed) % 6)) {
                    case 0 -> random.nextInt(-255, 256) / 2f;
                    case 1 -> (float) (random.nextGaussian() * 1e-30);
                    case 2 -> (float) (random.nextGaussian() * 1e30);
                    case 3 -> i % depth == 0 ? 0 : -0f;
                    default -> (float) random.nextGaussian();
                };
            }
            return values;
        }

        byte[] weight() {
            var random = new SplittableRandom(seed + 1);
            byte[] values = new byte[columns * depth];
            for (int i = 0; i < values.length; i++) {
                values[i] = (byte) (random.nextInt(5) == 0 ? -128 : random.nextInt(-128, 128));
            }
            return values;
        }

        float[] scale() {
            var random = new SplittableRandom(seed + 2);
            float[] values = new float[columns];
            for (int i = 0; i < columns; i++) {
                values[i] = (float) random.nextDouble() / 100;
            }
            return values;
        }

        /** What the meaning gives on the reference device. */
        float[] expected(Activations activations) {
            var prim = new QuantizedLinear(activations);
            var arrays = List.of(
                    Array.of(types().get(0), doubles(activations())),
                    Array.of(types().get(1), doubles(weight())),
                    Array.of(types().get(2), doubles(scale())));
            var device = OpTable.reference();
            var operands = arrays.stream().map(array -> array.to(device)).toList();
            var y = (Array) new Eager(device)
                    .run(() -> Decompose.apply(prim, List.copyOf(operands)).getFirst());
            return floats(y.toDoubles());
        }

        float[] run(Activations activations, int threads, Set<Integer> frozen, Function<CpuKernels, KernelSet> set) {
            return run(activations, activations(), threads, frozen, set);
        }

        float[] run(
                Activations activations,
                float[] values,
                int threads,
                Set<Integer> frozen,
                Function<CpuKernels, KernelSet> set) {
            var prim = new QuantizedLinear(activations);
            var out = prim.infer(types()).getFirst();
            float[] result = new float[rows * columns];
            Arrays.fill(result, Float.NaN);
            try (var device = CpuDevice.reference();
                    var parallel = new Parallel(threads);
                    var x = device.upload(types().get(0), MemorySegment.ofArray(values));
                    var w = device.upload(types().get(1), MemorySegment.ofArray(weight()));
                    var s = device.upload(types().get(2), MemorySegment.ofArray(scale()));
                    var y = device.upload(out, MemorySegment.ofArray(result))) {
                var kernel = set.apply(device.kernels(parallel))
                        .kernel(prim, types(), List.of(out), frozen)
                        .orElseThrow();
                for (int i = 0; i < 2; i++) {
                    kernel.run(new Buffer[] {x, w, s}, new Buffer[] {y});
                }
                y.download(MemorySegment.ofArray(result));
            }
            return result;
        }

        private static double[] doubles(float[] values) {
            double[] wide = new double[values.length];
            for (int i = 0; i < wide.length; i++) {
                wide[i] = values[i];
            }
            return wide;
        }

        private static double[] doubles(byte[] values) {
            double[] wide = new double[values.length];
            for (int i = 0; i < wide.length; i++) {
                wide[i] = values[i];
            }
            return wide;
        }

        private static float[] floats(double[] values) {
            float[] narrow = new float[values.length];
            for (int i = 0; i < narrow.length; i++) {
                narrow[i] = (float) values[i];
            }
            return narrow;
        }
    }

    /** Computes one product, for those who look at how. */
    static void run(int rows, int columns, int depth, Set<Integer> frozen, Function<CpuKernels, KernelSet> kernels) {
        new Case(rows, columns, depth, 4).run(Activations.QUANTIZED, 1, frozen, kernels);
    }

    private static Function<CpuKernels, KernelSet> machine(PanelProduct product) {
        return kernels -> kernels.behind(Optional::empty, () -> Optional.of(product));
    }

    /** All kernels on the interpreter, and the one that runs here. */
    private static Stream<PanelProduct> products() {
        return Stream.concat(InterpretedCode.int8().stream(), MachineKernels.ofProcess().int8().stream());
    }

    private static void check(String name, Case test, Set<Integer> frozen, Function<CpuKernels, KernelSet> set) {
        float[] one = test.run(Activations.QUANTIZED, 1, frozen, set);
        assertArrayEquals(test.expected(Activations.QUANTIZED), one, name + " " + test);
        assertArrayEquals(
                one, test.run(Activations.QUANTIZED, 3, frozen, set), name + " " + test + ": depends on threads");
    }

    /** Around blocks of rows, panels of columns, groups, steps and parts of the depth. */
    @ParameterizedTest
    @MethodSource("products")
    void machineCodeComputesTheMeaningBitForBit(PanelProduct product) {
        int[][] sizes = {
            {1, 1, 1},
            {1, 33, 65},
            {2, 31, 31},
            {3, 32, 32},
            {5, 64, 64},
            {6, 65, 63},
            {7, 96, 129},
            {13, 40, 515},
            {97, 35, 33},
            {1, 70, 2100}
        };
        for (int[] size : sizes) {
            check(product.name(), new Case(size[0], size[1], size[2], size[0]), FROZEN, machine(product));
        }
    }

    @Test
    void vectorsComputeTheMeaningBitForBit() {
        for (int[] size : new int[][] {{1, 1, 1}, {2, 33, 7}, {3, 32, 8}, {4, 5, 9}, {5, 40, 1025}, {70, 3, 33}}) {
            check("vector", new Case(size[0], size[1], size[2], size[0]), Set.of(), kernels -> kernels);
        }
    }

    /** The greatest values there are: 127 * 128 at each depth, more than F32 holds exactly and as much as I32 does. */
    @Test
    void longSumsAreExact() {
        int depth = QuantizedLinear.MAX_DEPTH;
        var test = new Case(1, 1, depth, 0);
        float[] ones = new float[depth];
        Arrays.fill(ones, 1f);
        long sum = 0;
        for (byte weight : test.weight()) {
            sum += 127 * weight;
        }
        float expected = (int) sum * (1f / 127) * test.scale()[0];
        assertEquals(expected, test.run(Activations.QUANTIZED, ones, 1, FROZEN, kernels -> kernels)[0]);
        for (var product : MachineKernels.ofProcess().int8().stream().toList()) {
            assertEquals(expected, test.run(Activations.QUANTIZED, ones, 1, FROZEN, machine(product))[0]);
        }
    }

    @Property(tries = 60)
    void theProductOfThisProcessorComputesTheMeaning(
            @ForAll @IntRange(min = 1, max = 140) int rows,
            @ForAll @IntRange(min = 1, max = 140) int columns,
            @ForAll @IntRange(min = 1, max = 300) int depth,
            @ForAll @IntRange(max = 1000) int seed) {
        var test = new Case(rows, columns, depth, seed);
        float[] expected = test.expected(Activations.QUANTIZED);
        assertArrayEquals(expected, test.run(Activations.QUANTIZED, 2, Set.of(), kernels -> kernels), "vector");
        for (var product : MachineKernels.ofProcess().int8().stream().toList()) {
            assertArrayEquals(expected, test.run(Activations.QUANTIZED, 2, FROZEN, machine(product)), product.name());
        }
    }

    @Test
    void rowsThatAreNotFiniteSpoilThemselvesAlone() {
        var test = new Case(3, 33, 40, 5);
        float[] values = test.activations();
        float[] before = test.run(Activations.QUANTIZED, values, 1, FROZEN, kernels -> kernels);
        values[3] = Float.NaN;
        values[40 * 2 + 39] = Float.NEGATIVE_INFINITY;
        for (var product : products().toList()) {
            float[] after = test.run(Activations.QUANTIZED, values, 1, FROZEN, machine(product));
            for (int i = 0; i < after.length; i++) {
                if (i / 33 == 1) {
                    assertEquals(before[i], after[i]);
                } else {
                    int at = i;
                    assertTrue(!Float.isFinite(after[i]), () -> product.name() + ", result " + at);
                }
            }
        }
    }

    /** Kept activations: sums in another order, so within their rounding. */
    @Test
    void keptActivationsMultiplyTheWidenedWeight() {
        for (int[] size : new int[][] {{1, 33, 65}, {5, 40, 600}, {40, 70, 33}}) {
            var test = new Case(size[0], size[1], size[2], 4);
            float[] expected = test.expected(Activations.KEPT);
            float[] one = test.run(Activations.KEPT, 1, FROZEN, kernels -> kernels);
            assertArrayEquals(one, test.run(Activations.KEPT, 3, FROZEN, kernels -> kernels));
            float[] values = test.activations();
            for (int i = 0; i < one.length; i++) {
                double bound = 0;
                int row = i / size[1];
                for (int k = 0; k < size[2]; k++) {
                    bound += Math.abs(values[row * size[2] + k]) * 128;
                }
                bound *= test.scale()[i % size[1]] * 0x1p-22 * Math.sqrt(size[2]);
                assertEquals(expected[i], one[i], bound + Float.MIN_NORMAL, test::toString);
            }
        }
    }

    @Test
    void theProductOfThisProcessIsUsed() {
        var product = MachineKernels.ofProcess().int8();
        Requirement.require(
                "int8",
                product.isPresent() ? Optional.empty() : Optional.of("no INT8 kernel of machine code runs here"));
        assertTrue(MachineKernels.ofProcess().int8Kernels().stream()
                .anyMatch(state -> state.unusedBecause().isEmpty()
                        && state.name().equals(product.orElseThrow().name())));
    }
}
