package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.InterpretedCode;
import io.coda4j.tensor.cpu.x86.MachineKernels;
import io.coda4j.tensor.cpu.x86.PanelProduct;
import io.coda4j.tensor.testing.Requirement;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Products by machine code, whose bytes an interpreter executes where the processor cannot. */
class PanelMatmulTest {
    private static Stream<PanelProduct> products() {
        return Stream.concat(
                Stream.of(InterpretedCode.amxBf16(), InterpretedCode.avx512Bf16()),
                MachineKernels.ofProcess().bf16().stream());
    }

    private static float[] run(PanelProduct product, MatmulCase test, int threads, Set<Integer> frozen) {
        return test.run(threads, frozen, kernels -> kernels.behind(() -> Optional.of(product), Optional::empty));
    }

    private static void check(PanelProduct product, MatmulCase test, Set<Integer> frozen) {
        assertTrue(isChosen(test, frozen), () -> test + " is left to other kernels");
        float[] one = run(product, test, 1, frozen);
        double error = test.error(one);
        assertTrue(
                error <= 1,
                () -> product.name() + " " + test + ": error is " + error + " times what rounding explains");
        assertArrayEquals(one, run(product, test, 3, frozen), product.name() + " " + test + ": depends on threads");
    }

    /** Whether machine code computes the product. */
    private static boolean isChosen(MatmulCase test, Set<Integer> frozen) {
        try (var parallel = new Parallel(1)) {
            var set = new MachineProducts(
                    () -> Optional.of(InterpretedCode.amxBf16()),
                    Optional::empty,
                    parallel,
                    new MatmulContext(Optional::empty, Optional::empty),
                    new FrozenWeights(
                            new CpuMemory(CpuDevice.reference()),
                            parallel,
                            new MatmulContext(Optional::empty, Optional::empty)));
            return set.kernel(test.dot(), List.of(test.lhs(), test.rhs()), List.of(test.result()), frozen)
                    .isPresent();
        }
    }

    @Test
    void aRowMayHaveMoreThanTwoGigabytes() {
        assertEquals(0, PanelPack.steps(0));
        assertEquals(1, PanelPack.steps(32));
        assertEquals(2, PanelPack.steps(33));
        assertEquals(1 << 25, PanelPack.steps(1 << 30));
        assertEquals(1L << 36, PanelPack.panelBytes(1 << 30));
    }

    /** Around blocks of rows, panels of columns, pairs, steps and parts of the depth. */
    @ParameterizedTest
    @MethodSource("products")
    void raggedProductsMatchNestedLoops(PanelProduct product) {
        for (var form : List.of("NT", "NN", "TN", "TT")) {
            for (int[] size : new int[][] {
                {9, 32, 64},
                {12, 33, 65},
                {13, 31, 63},
                {32, 64, 32},
                {33, 67, 31},
                {16, 70, 513},
                {17, 95, 1025},
                {61, 100, 127}
            }) {
                check(product, MatmulCase.matrices(form, DType.BF16, size[0], size[1], size[2]), Set.of());
            }
        }
    }

    @ParameterizedTest
    @MethodSource("products")
    void frozenWeightsServeAnyNumberOfRows(PanelProduct product) {
        var all = run(product, MatmulCase.matrices("NT", DType.BF16, 45, 203, 101), 1, Set.of(1));
        for (int rows : new int[] {1, 2, 7, 15, 16, 17, 32, 45}) {
            var test = MatmulCase.matrices("NT", DType.BF16, rows, 203, 101);
            check(product, test, Set.of(1));
            // The operands are the first rows of the greater product.
            assertArrayEquals(Arrays.copyOf(all, rows * 203), run(product, test, 1, Set.of(1)), rows + " rows");
        }
        check(product, MatmulCase.matrices("NT", DType.BF16, 1, 1103, 530), Set.of(1));
    }

    @ParameterizedTest
    @MethodSource("products")
    void blocksOfRowsAndColumnsCoverTheResult(PanelProduct product) {
        check(product, MatmulCase.matrices("NT", DType.BF16, 521, 131, 33), Set.of());
        check(product, MatmulCase.matrices("NN", DType.BF16, 67, 1103, 33), Set.of());
        check(product, MatmulCase.matrices("TN", DType.BF16, 521, 67, 33), Set.of());
        check(product, MatmulCase.matrices("NT", DType.BF16, 70, 40, 5000), Set.of(1));
    }

    @ParameterizedTest
    @MethodSource("products")
    void batchesAndAxesInAnyOrderAreBroughtIntoOrder(PanelProduct product) {
        check(
                product,
                MatmulCase.of(
                        List.of(0),
                        List.of(0),
                        List.of(2),
                        List.of(2),
                        TensorType.of(DType.BF16, 2, 128, 128),
                        TensorType.of(DType.BF16, 2, 65, 128)),
                Set.of());
        check(
                product,
                MatmulCase.of(
                        List.of(),
                        List.of(),
                        List.of(1, 3),
                        List.of(2, 0),
                        TensorType.of(DType.BF16, 5, 5, 6, 7),
                        TensorType.of(DType.BF16, 7, 29, 5)),
                Set.of());
    }

    @Test
    void whatMachineCodeCannotComputeIsLeftToOthers() {
        assertFalse(isChosen(MatmulCase.matrices("NT", DType.F32, 64, 64, 64), Set.of()));
        assertFalse(isChosen(MatmulCase.matrices("NT", DType.BF16, 8, 640, 64), Set.of()));
        assertFalse(isChosen(MatmulCase.matrices("NT", DType.BF16, 16, 16, 16), Set.of()));
        assertFalse(isChosen(MatmulCase.matrices("NT", DType.BF16, 0, 16, 16), Set.of()));
    }

    @Test
    void theProductOfThisProcessIsTheOneThatIsListedFirst() {
        var kernels = MachineKernels.ofProcess();
        Requirement.require(
                "bf16",
                kernels.bf16().isPresent()
                        ? Optional.empty()
                        : Optional.of("no BF16 kernel of machine code runs here"));
        var first = kernels.bf16Kernels().stream()
                .filter(state -> state.unusedBecause().isEmpty())
                .findFirst()
                .orElseThrow();
        assertEquals(first.name(), kernels.bf16().orElseThrow().name());
    }
}
